/** The tables as `cilium-dbg statedb` shows them: names of the columns and a cell for each. (TableHeader and TableRow of each record) */
import type { BackendUse, LbBackend, LbFrontend, LbService } from './records.ts';
import { algorithmAnnotation, deniesSourceRanges } from './service.ts';

export interface PrintedTable {
  columns: readonly string[];
  rows: string[][];
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Go's `time.Duration.String` of whole seconds. */
function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

function flagsOf(service: LbService): string[] {
  const flags: string[] = [];
  const { sourceRanges, proxyRedirect, healthCheckNodePort, affinitySeconds, forwardingMode, loadBalancerClass } =
    service;
  const algorithm = algorithmAnnotation(service);
  if (affinitySeconds !== undefined) flags.push(`SessionAffinity=${duration(affinitySeconds)}`);
  if (sourceRanges.length > 0) flags.push(`SourceRanges=${sourceRanges.join(', ')}`);
  if (deniesSourceRanges(service)) flags.push('SourceRangesPolicy=deny');
  if (proxyRedirect) {
    const ports = proxyRedirect.ports.length > 0 ? ` (ports: [${proxyRedirect.ports.join(' ')}])` : '';
    flags.push(`ProxyRedirect=${proxyRedirect.proxyPort}${ports}`);
  }
  if (healthCheckNodePort !== 0) flags.push(`HealthCheckNodePort=${healthCheckNodePort}`);
  if (service.loopbackHostPort) flags.push('LoopbackHostPort=true');
  if (algorithm !== undefined) flags.push(`ExplicitLBAlgorithm=${algorithm}`);
  if (forwardingMode !== undefined) flags.push(`ForwardingMode=${forwardingMode}`);
  if (service.preferClose) flags.push('TrafficDistribution=PreferClose');
  if (loadBalancerClass !== undefined) flags.push(`LoadBalancerClass=${loadBalancerClass}`);
  return flags.sort(order);
}

export function printServices(services: readonly LbService[]): PrintedTable {
  return {
    columns: ['Name', 'Source', 'PortNames', 'TrafficPolicy', 'Flags'],
    rows: services.map((service) => {
      const { externalTrafficPolicy: outside, internalTrafficPolicy: inside, portNames } = service;
      const names = [...portNames].sort(([a], [b]) => order(a, b)).map(([name, port]) => `${name}=${port}`);
      return [
        service.name,
        service.source,
        names.join(', '),
        outside === inside ? outside : `Ext=${outside}, Int=${inside}`,
        flagsOf(service).join(', '),
      ];
    }),
  };
}

/** More are counted. */
const MOST_BACKENDS = 5;

function backendsText(uses: readonly BackendUse[]): string {
  const shown = uses.slice(0, MOST_BACKENDS).map(({ params }) => params.address.text);
  const rest = uses.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` + ${rest} more ...` : ''}`;
}

export function printFrontends(frontends: readonly LbFrontend[]): PrintedTable {
  return {
    columns: ['Address', 'Type', 'ServiceName', 'PortName', 'Backends', 'RedirectTo', 'Status', 'Error'],
    rows: frontends.map(({ address, type, service, portName, backends, redirectTo = '', status, error }) => [
      address.text,
      type,
      service.name,
      portName,
      backendsText(backends),
      redirectTo,
      status,
      error,
    ]),
  };
}

function instanceText({ service, params }: LbBackend['instances'][number]): string {
  const state = params.unhealthy ? 'unhealthy' : params.state;
  const names = params.portNames.length > 0 ? ` (${params.portNames.join(' ')})` : '';
  return `${service}${state === 'active' ? '' : ` [${state}]`}${names}`;
}

/** What another source says about the same Service and does not count. */
function shadowsText(services: ReadonlyMap<string, LbBackend['instances'][number][]>): string {
  const shown: string[] = [];
  for (const [service, [, ...hidden]] of services) {
    const texts = hidden.map(({ params: { source, portNames } }) =>
      portNames.length > 0 ? `${source} (${portNames.join(' ')})` : source,
    );
    if (texts.length > 0) shown.push(`${service} [${texts.join(', ')}]`);
  }
  return shown.join(', ');
}

export function printBackends(backends: readonly LbBackend[]): PrintedTable {
  return {
    columns: ['Address', 'Instances', 'Shadows', 'NodeName'],
    rows: backends.map(({ address, instances }) => {
      const services = new Map<string, LbBackend['instances'][number][]>();
      for (const one of instances) services.set(one.service, [...(services.get(one.service) ?? []), one]);
      return [
        address.text,
        [...services.values()].flatMap(([first]) => (first ? instanceText(first) : [])).join(', '),
        shadowsText(services),
        instances.find(({ params }) => params.nodeName !== '')?.params.nodeName ?? '',
      ];
    }),
  };
}
