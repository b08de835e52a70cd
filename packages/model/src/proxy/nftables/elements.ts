/** By which elements of the maps packets come to a service port: cluster IP, external IPs, load balancer addresses, node port. */
import type { EndpointInfo } from '../endpoints.ts';
import { hasExternalEndpoints, hasInternalEndpoints, type PortState } from '../port-state.ts';
import type { ElementLine } from './lines.ts';
import type { NftablesPort } from './port.ts';
import { REJECT_CHAIN, SETS } from './top-level.ts';

type Path = (string | number)[];

/**
 * Nothing anywhere: rejected, so that clients learn it. Nothing here under policy Local: dropped, since elsewhere it would be served, and
 * health checks keep clients away.
 */
function refusal(
  { info }: NftablesPort,
  state: PortState,
  policy: string,
): { verdict: ElementLine['verdict']; path: Path } {
  if (state.hasEndpoints) return { verdict: { kind: 'drop' }, path: ['spec', policy] };
  return {
    verdict: { kind: 'goto', chain: REJECT_CHAIN },
    path: info.service.spec.selector ? ['spec', 'selector'] : [],
  };
}

/** The elements of one service port, in the order in which kube-proxy adds them. */
export function portElements(port: NftablesPort, state: PortState): ElementLine[] {
  const { info, chains, protocol } = port;
  const found: ElementLine[] = [];
  const add = (set: string, key: ElementLine['key'], chain: string, path: Path) =>
    found.push({ set, key, verdict: { kind: 'goto', chain }, cause: port.cause(...path) });
  const refuse = (set: string, key: ElementLine['key'], policy: string, path: Path) => {
    const refused = refusal(port, state, policy);
    const cause = port.cause(...(refused.path.length > 0 ? refused.path : path));
    found.push({ set, key, ...(refused.verdict && { verdict: refused.verdict }), comment: info.nameString, cause });
  };
  const at = (ip: string) => [ip, protocol, info.portNumber];
  const external = (set: string, refused: string, key: ElementLine['key'], path: Path) => {
    if (state.hasEndpoints) add(set, key, chains.external, path);
    if (!hasExternalEndpoints(port, state)) refuse(refused, key, 'externalTrafficPolicy', path);
  };

  found.push({ set: SETS.clusterIPs, key: [info.clusterIP], cause: port.cause('spec', 'clusterIP') });
  if (hasInternalEndpoints(port, state)) {
    add(SETS.serviceIPs, at(info.clusterIP), info.internalPolicyLocal ? chains.local : chains.cluster, []);
  } else refuse(SETS.noEndpointServices, at(info.clusterIP), 'internalTrafficPolicy', []);
  for (const { ip, index } of info.externalIPs) {
    external(SETS.serviceIPs, SETS.noEndpointServices, at(ip), ['spec', 'externalIPs', index]);
  }
  const ingress = (index: number): Path => ['status', 'loadBalancer', 'ingress', index, 'ip'];
  for (const { ip, index } of info.loadBalancerVIPs) {
    if (state.hasEndpoints) add(SETS.serviceIPs, at(ip), chains.external, ingress(index));
    if (port.usesFirewallChain) add(SETS.firewallIPs, at(ip), chains.firewall, ['spec', 'loadBalancerSourceRanges']);
  }
  if (!hasExternalEndpoints(port, state)) {
    for (const { ip, index } of info.loadBalancerVIPs) {
      refuse(SETS.noEndpointServices, at(ip), 'externalTrafficPolicy', ingress(index));
    }
  }
  if (info.nodePort !== 0) {
    const key = [protocol, info.nodePort];
    external(SETS.serviceNodePorts, SETS.noEndpointNodePorts, key, ['spec', 'ports', info.index, 'nodePort']);
  }
  return found;
}

/** An endpoint of this node, which may call its own Service. */
export function hairpinElement(port: NftablesPort, endpoint: EndpointInfo): ElementLine {
  const { ip } = endpoint;
  const cause = port.endpointCause(endpoint);
  return { set: SETS.hairpin, key: [ip, ip, port.protocol, endpoint.port], cause };
}

const keyText = ({ set, key }: ElementLine) => `${set} ${key.join(' . ')}`;
const valueText = ({ verdict }: ElementLine) => (verdict?.kind === 'goto' ? verdict.chain : (verdict?.kind ?? ''));

/** One element for each key. A key that comes again with something else is deleted and added anew: the last one counts. */
export function ensureElements(lines: Iterable<ElementLine>): ElementLine[] {
  const byKey = new Map<string, ElementLine>();
  for (const line of lines) {
    const key = keyText(line);
    const before = byKey.get(key);
    if (before && valueText(before) === valueText(line)) continue;
    byKey.delete(key);
    byKey.set(key, line);
  }
  return [...byKey.values()];
}
