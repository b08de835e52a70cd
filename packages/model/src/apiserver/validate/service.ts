/** Services: pkg/apis/core/validation/validation.go. */
import { isExternallyAccessible, needsHealthCheck } from '../defaults/service.ts';
import { validateEndpointIP, validateLegacyCIDR, validateLegacyIP } from '../meta/addresses.ts';
import { validateLabels } from '../meta/labels.ts';
import { isDNS1123Label, isDNS1123Subdomain, isPortNumber, isQualifiedName, nameIsDNSLabel } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import { PROTOCOLS, validatePortNumberOrName } from '../meta/ports.ts';
import type { Service, ServicePort } from '../schema/core-service.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import {
  isHeadless,
  validateClusterIPFields,
  validateClusterIPsUpdate,
  validateFamiliesUpdate,
} from './service-addresses.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";
const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';

function validateTopologyAnnotations({ metadata }: Service, errors: FieldErrors): void {
  const mode = metadata.annotations?.[TOPOLOGY_MODE];
  const hints = metadata.annotations?.[TOPOLOGY_HINTS];
  if (mode === undefined || hints === undefined || mode === hints) return;
  const detail = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  errors.invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, detail);
}

function validateByType(service: Service, errors: FieldErrors): void {
  const { spec } = service;
  const { type } = spec;
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(service))
    errors.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`);
  if (type !== 'ExternalName') return;
  const detail = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) errors.forbidden('spec.clusterIPs', detail);
  if ((spec.ipFamilies ?? []).length > 0) errors.forbidden('spec.ipFamilies', detail);
  if (spec.ipFamilyPolicy !== undefined) errors.forbidden('spec.ipFamilyPolicy', detail);
  const name = spec.externalName.replace(/\.$/, '');
  if (name === '') errors.required('spec.externalName');
  else errors.invalidEach('spec.externalName', name, isDNS1123Subdomain(name));
}

function validatePort(
  port: ServicePort,
  needsName: boolean,
  names: Set<string>,
  at: string,
  errors: FieldErrors,
): void {
  if (port.name !== '') {
    errors.invalidEach(`${at}.name`, port.name, isDNS1123Label(port.name));
    if (names.has(port.name)) errors.duplicate(`${at}.name`, port.name);
    names.add(port.name);
  } else if (needsName) errors.required(`${at}.name`);
  errors.invalidEach(`${at}.port`, port.port, isPortNumber(port.port));
  if (port.protocol === '') errors.required(`${at}.protocol`);
  else if (!PROTOCOLS.includes(port.protocol)) errors.notSupported(`${at}.protocol`, port.protocol, PROTOCOLS);
  validatePortNumberOrName(port.targetPort, `${at}.targetPort`, errors);
  if (port.appProtocol !== undefined)
    errors.invalidEach(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
}

/** The longest time that a client may be kept at one endpoint: a day. */
const AFFINITY_SECONDS_MAX = 86_400;

function validateAffinity({ spec }: Service, errors: FieldErrors): void {
  const { sessionAffinity, sessionAffinityConfig } = spec;
  if (sessionAffinity !== 'ClientIP' && sessionAffinity !== 'None') {
    errors.notSupported('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']);
    return;
  }
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinity === 'None' || seconds === undefined) return;
  if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX) {
    const at = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
    errors.invalid(at, seconds, `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`);
  }
}

function validateExternalIPs({ spec }: Service, before: Service | undefined, errors: FieldErrors): void {
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const at = `spec.externalIPs[${index}]`;
    if (validateLegacyIP(ip, at, errors, before?.spec.externalIPs)) validateEndpointIP(ip, at, errors);
  }
}

function validateRepeatedPorts(ports: readonly ServicePort[], type: string, errors: FieldErrors): void {
  if (type === 'ClusterIP') {
    for (const [index, { nodePort }] of ports.entries())
      if (nodePort !== 0)
        errors.forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'");
  }
  const nodePorts = new Set<string>();
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (nodePort === 0) continue;
    if (nodePorts.has(`${protocol} ${nodePort}`)) errors.duplicate(`spec.ports[${index}].nodePort`, nodePort);
    nodePorts.add(`${protocol} ${nodePort}`);
  }
  const seen = new Set<string>();
  for (const [index, { protocol, port }] of ports.entries()) {
    // The server shows the key that it compares: a port of its own type, with these two fields filled in.
    const key = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    if (seen.has(`${protocol} ${port}`)) errors.duplicate(`spec.ports[${index}]`, key);
    seen.add(`${protocol} ${port}`);
  }
}

function validateSourceRanges({ spec, metadata }: Service, before: Service | undefined, errors: FieldErrors): void {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[SOURCE_RANGES_ANNOTATION];
  const isFirst = ranges.length > 0;
  if (!isFirst && annotation === undefined) return;
  const at = isFirst ? 'spec.LoadBalancerSourceRanges' : `metadata.annotations[${SOURCE_RANGES_ANNOTATION}]`;
  if (spec.type !== 'LoadBalancer') errors.forbidden(at, ONLY_LOAD_BALANCER);
  if (isFirst) {
    const old = before?.spec.loadBalancerSourceRanges?.map((range) => range.trim());
    for (const [index, range] of ranges.entries()) validateLegacyCIDR(range.trim(), `${at}[${index}]`, errors, old);
    return;
  }
  if (before?.metadata.annotations?.[SOURCE_RANGES_ANNOTATION] === annotation || annotation?.trim() === '') return;
  for (const range of (annotation ?? '').trim().split(',')) validateLegacyCIDR(range.trim(), at, errors);
}

function validateLoadBalancerClass({ spec }: Service, before: Service | undefined, errors: FieldErrors): void {
  const { type, loadBalancerClass } = spec;
  const at = 'spec.loadBalancerClass';
  if (before?.spec.type === 'LoadBalancer' && type === 'LoadBalancer') {
    if (before.spec.loadBalancerClass !== loadBalancerClass)
      errors.invalid(at, loadBalancerClass, 'may not change once set');
  }
  if (loadBalancerClass === undefined) return;
  if (type === 'LoadBalancer') errors.invalidEach(at, loadBalancerClass, isQualifiedName(loadBalancerClass));
  else errors.forbidden(at, ONLY_LOAD_BALANCER);
}

const POLICIES = ['Cluster', 'Local'];

function validateTrafficPolicies(service: Service, errors: FieldErrors): void {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, healthCheckNodePort } = service.spec;
  const at = 'spec.externalTrafficPolicy';
  if (!isExternallyAccessible(service)) {
    if (external !== '') errors.invalid(at, external, 'may only be set for externally-accessible services');
  } else if (external === '') errors.required(at);
  else if (!POLICIES.includes(external)) errors.notSupported(at, external, POLICIES);
  const health = 'spec.healthCheckNodePort';
  if (!needsHealthCheck(service)) {
    if (healthCheckNodePort !== 0) {
      const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
      errors.invalid(health, healthCheckNodePort, detail);
    }
  } else if (healthCheckNodePort === 0) errors.required(health);
  else errors.invalidEach(health, healthCheckNodePort, isPortNumber(healthCheckNodePort));
  if (internal !== undefined && !POLICIES.includes(internal))
    errors.notSupported('spec.internalTrafficPolicy', internal, POLICIES);
}

const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];

/** validateService(): what holds for new Services and for changed ones. */
function validateSpec(service: Service, before: Service | undefined, errors: FieldErrors): void {
  const { spec } = service;
  const ports = spec.ports ?? [];
  validateTopologyAnnotations(service, errors);
  if (ports.length === 0 && !isHeadless(service) && spec.type !== 'ExternalName') errors.required('spec.ports');
  validateByType(service, errors);
  const names = new Set<string>();
  for (const [index, port] of ports.entries())
    validatePort(port, ports.length > 1, names, `spec.ports[${index}]`, errors);
  validateLabels(spec.selector, 'spec.selector', errors);
  validateAffinity(service, errors);
  validateClusterIPFields(service, before, errors);
  validateExternalIPs(service, before, errors);
  if (!TYPES.includes(spec.type)) errors.notSupported('spec.type', spec.type, TYPES);
  validateRepeatedPorts(ports, spec.type, errors);
  validateSourceRanges(service, before, errors);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer')
    errors.forbidden('spec.allocateLoadBalancerNodePorts', ONLY_LOAD_BALANCER);
  validateLoadBalancerClass(service, undefined, errors);
  validateTrafficPolicies(service, errors);
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !DISTRIBUTIONS.includes(distribution))
    errors.notSupported('spec.trafficDistribution', distribution, DISTRIBUTIONS);
}

export function validateService(service: Service, errors: FieldErrors): void {
  validateObjectMeta(service.metadata, true, nameIsDNSLabel, errors);
  validateSpec(service, undefined, errors);
}

export function validateServiceUpdate(service: Service, before: Service, errors: FieldErrors): void {
  validateObjectMetaUpdate(service.metadata, before.metadata, errors);
  validateClusterIPsUpdate(service, before, errors);
  validateFamiliesUpdate(service, before, errors);
  validateLoadBalancerClass(service, before, errors);
  const [now, then] = [service.spec.healthCheckNodePort, before.spec.healthCheckNodePort];
  if (needsHealthCheck(before) && needsHealthCheck(service) && now !== then)
    errors.forbidden('spec.healthCheckNodePort', 'field is immutable');
  validateSpec(service, before, errors);
}
