/** What a node's load balancers hold, as `cilium-dbg service list` prints it. (cilium-dbg/cmd/service_list.go) */
import type { Balancer, BalancerFrontend, Netns } from '@podwire/engine';
import type { Service } from '../../objects/kube.ts';
import { isUnspecified, joinHostPort, parseIP } from '../ip.ts';
import type { ProxyCause } from '../proxy.ts';
import { byKey, lbAddress } from './address.ts';
import type { FrontendType } from './records.ts';

function layers(balancer: Balancer | undefined): BalancerFrontend[] {
  return balancer ? [...balancer.frontends, ...layers(balancer.base)] : [];
}

function serviceOf({ cause }: BalancerFrontend): Service | undefined {
  return (cause as ProxyCause | undefined)?.service;
}

/** Cilium's type follows from where the Service has the address. A frontend without a Service is a host port's. */
function typeOf(frontend: BalancerFrontend): FrontendType {
  const service = serviceOf(frontend);
  if (!service) return 'HostPort';
  const { address } = frontend;
  const parsed = parseIP(address);
  if (parsed && isUnspecified(parsed)) return 'NodePort';
  const { clusterIP, clusterIPs = [], externalIPs = [] } = service.spec;
  if (clusterIP === address || clusterIPs.includes(address)) return 'ClusterIP';
  return externalIPs.includes(address) ? 'ExternalIPs' : 'LoadBalancer';
}

const keyOf = ({ address, port, protocol }: BalancerFrontend, scope: 'external' | 'internal' = 'external') =>
  lbAddress(address, port, protocol.toUpperCase() as 'TCP' | 'UDP' | 'SCTP', scope);

interface Row {
  key: string;
  frontend: string;
  type: string;
  backends: string[];
}

function rowOf(frontend: BalancerFrontend, isInternal: boolean): Row | undefined {
  const address = keyOf(frontend, isInternal ? 'internal' : 'external');
  const protocol = frontend.protocol.toUpperCase();
  return (
    address && {
      key: address.key,
      frontend: address.text,
      type: typeOf(frontend),
      backends: frontend.backends.map((b, i) => `${i + 1} => ${joinHostPort(b.address, b.port)}/${protocol} (active)`),
    }
  );
}

/** One row for each frontend and scope, a line for each backend; empty where nothing balances. Numbers are the list's own: a node has its own history. */
export function printServiceList({ balancing, links }: Pick<Netns, 'balancing' | 'links'>): string {
  const outside = links.flatMap((link) => layers(link.balancing?.balancer));
  const inside = layers(balancing?.balancer);
  const known = new Map<string, BalancerFrontend>();
  for (const one of outside) known.set(keyOf(one)?.text ?? '', known.get(keyOf(one)?.text ?? '') ?? one);
  const rows = [...known.values()].flatMap((one) => rowOf(one, false) ?? []);
  for (const one of inside) {
    const other = known.get(keyOf(one)?.text ?? '');
    const differs = other && other.backends.map((b) => b.address).join() !== one.backends.map((b) => b.address).join();
    if (!other || differs) rows.push(...[rowOf(one, differs === true)].flatMap((row) => row ?? []));
  }
  if (rows.length === 0) return '';
  const lines = rows.sort(byKey).flatMap(({ frontend, type, backends }, index) => {
    const [first = '', ...others] = backends;
    return [[String(index + 1), frontend, type, first], ...others.map((backend) => ['', '', '', backend])];
  });
  const all = [['ID', 'Frontend', 'Service Type', 'Backend'], ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((line) => (line[column] ?? '').length)) + 3);
  return all
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}
