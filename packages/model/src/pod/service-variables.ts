/** Environment variables by which a container finds Services (pkg/kubelet/envvars/envvars.go; kubelet_pods.go, `getServiceEnvVarMap()`). */
import type { Service } from '../objects/kube.ts';

/** `kubernetes` of `default` is there always, whatever `enableServiceLinks` says. */
const ALWAYS = { namespace: 'default', name: 'kubernetes' };

function variableName(text: string): string {
  return text.replaceAll('-', '_').toUpperCase();
}

function hostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function hasClusterIP({ spec }: Service): boolean {
  return spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

/** Of one Service, in the order that the kubelet makes them: host and ports, then the form that Docker's links had. */
export function serviceVariables({ metadata, spec }: Service): [string, string][] {
  const ip = spec.clusterIP ?? '';
  const ports = spec.ports ?? [];
  const [first] = ports;
  if (!first) return [];
  const prefix = variableName(metadata.name);
  const found: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
  ];
  for (const { name, port } of ports) {
    if (name) found.push([`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port)]);
  }
  ports.forEach(({ port, protocol = 'TCP' }, i) => {
    const url = `${protocol.toLowerCase()}://${hostPort(ip, port)}`;
    const link = `${prefix}_PORT_${port}_${protocol}`;
    if (i === 0) found.push([`${prefix}_PORT`, url]);
    found.push(
      [link, url],
      [`${link}_PROTO`, protocol.toLowerCase()],
      [`${link}_PORT`, String(port)],
      [`${link}_ADDR`, ip],
    );
  });
  return found;
}

/** The Services whose variables a container of a namespace gets. */
export function linkedServices<T extends { object: Service }>(
  services: Iterable<T>,
  namespace: string,
  enableServiceLinks: boolean,
): T[] {
  const byName = new Map<string, T>();
  for (const placed of services) {
    const { object } = placed;
    const { name, namespace: own } = object.metadata;
    if (!hasClusterIP(object)) continue;
    const isAlways = own === ALWAYS.namespace && name === ALWAYS.name;
    if (isAlways ? !byName.has(name) : own === namespace && enableServiceLinks) byName.set(name, placed);
  }
  return [...byName.values()];
}
