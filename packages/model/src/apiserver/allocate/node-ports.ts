/** Node ports and health check node ports (pkg/registry/core/service/storage/alloc.go). */
import { needsHealthCheck } from '../defaults/service.ts';
import type { Service } from '../schema/core-service.ts';
import { internalError, invalid, Refusal } from '../status/answer.ts';
import { FieldErrors } from '../status/field-errors.ts';
import type { Request } from './request.ts';

function isOnNodes({ spec }: Service): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer';
}

function drawsNodePorts({ spec }: Service): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === true);
}

function take(service: Service, index: number, port: number, { allocation }: Request): void {
  const fault = allocation.takePort(port);
  if (fault === undefined) return;
  const errors = new FieldErrors();
  errors.invalid(`spec.ports[${index}].nodePort`, port, fault);
  throw invalid('Service', service.metadata.name, errors);
}

function draw(service: Service, index: number, { allocation, assigned }: Request): number {
  const { namespace, name } = service.metadata;
  const port = service.spec.ports?.[index];
  const drawn = allocation.nextPort(`${namespace}/${name}:${port?.protocol}:${port?.port}`);
  if (drawn === undefined) throw internalError('failed to allocate a nodePort: range is full');
  assigned.push(`spec.ports[${index}].nodePort`);
  return drawn;
}

function allocateHealthCheck(service: Service, { allocation, assigned }: Request): void {
  const { spec, metadata } = service;
  if (spec.healthCheckNodePort !== 0) {
    const fault = allocation.takePort(spec.healthCheckNodePort);
    if (fault === undefined) return;
    throw internalError(`failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}: ${fault}`);
  }
  const port = allocation.nextPort(`${metadata.namespace}/${metadata.name}:health`);
  if (port === undefined) throw internalError('failed to allocate a HealthCheck NodePort 0: range is full');
  spec.healthCheckNodePort = port;
  assigned.push('spec.healthCheckNodePort');
}

/** initNodePorts(): ports of one number share a node port, whatever their protocol. */
export function allocateNodePorts(service: Service, request: Request): void {
  const byPort = new Map<number, number>();
  const drawn = new Set<number>();
  const ports = isOnNodes(service) ? (service.spec.ports ?? []) : [];
  for (const [index, port] of ports.entries()) {
    if (port.nodePort === 0 && !drawsNodePorts(service)) continue;
    const allocated = byPort.get(port.port);
    if (allocated === undefined) {
      const wanted = ports.find((other) => other.port === port.port && other.nodePort !== 0)?.nodePort;
      if (wanted !== undefined) take(service, index, wanted, request);
      else drawn.add(port.port);
      port.nodePort = wanted ?? draw(service, index, request);
      byPort.set(port.port, port.nodePort);
    } else if (port.nodePort === 0) {
      port.nodePort = allocated;
      if (drawn.has(port.port)) request.assigned.push(`spec.ports[${index}].nodePort`);
    } else if (port.nodePort !== allocated) take(service, index, port.nodePort, request);
  }
  if (needsHealthCheck(service)) allocateHealthCheck(service, request);
}

/** updateNodePorts() and updateHealthCheckNodePort(). */
export function updateNodePorts(service: Service, before: Service, request: Request): void {
  const held = new Set((before.spec.ports ?? []).map(({ nodePort }) => nodePort));
  const taken = new Set<number>();
  const seen = new Set<string>();
  const ports = isOnNodes(service) ? (service.spec.ports ?? []) : [];
  for (const [index, port] of ports.entries()) {
    if (port.nodePort === 0 && !drawsNodePorts(service)) continue;
    if (port.nodePort === 0) port.nodePort = draw(service, index, request);
    else if (!held.has(port.nodePort) && !taken.has(port.nodePort)) {
      take(service, index, port.nodePort, request);
      taken.add(port.nodePort);
    }
    const key = `${port.protocol} ${port.nodePort}`;
    // An error without a status: the handler passes its text on.
    if (seen.has(key)) throw new Refusal(500, '', `duplicate nodePort: {${port.protocol} ${port.nodePort}}`);
    seen.add(key);
  }
  if (!needsHealthCheck(before) && needsHealthCheck(service)) allocateHealthCheck(service, request);
}
