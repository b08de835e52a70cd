/** The chains of one service port that choose an endpoint (KUBE-SVC, KUBE-SVL) and those that translate to it (KUBE-SEP). */
import { iptablesIfNotLocal } from '../detect-local.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { hasInternalEndpoints, type PortState } from '../port-state.ts';
import type { IptablesPort } from './port.ts';
import { comment, type RuleLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

const LARGE_CLUSTER_ENDPOINTS = 1000;

/** With more than a thousand endpoints, kube-proxy leaves out the comments of the rules about one endpoint. */
export function isLargeCluster(
  portKeys: Iterable<string>,
  endpoints: ReadonlyMap<string, readonly EndpointInfo[]>,
): boolean {
  let total = 0;
  for (const key of portKeys) total += endpoints.get(key)?.length ?? 0;
  return total > LARGE_CLUSTER_ENDPOINTS;
}

/**
 * Traffic to the cluster IP that comes from outside the cluster: somebody routes the Service range here, and the endpoint may be on another
 * node. The rule opens the chain of the internal policy. None where kube-proxy cannot tell.
 */
export function clusterIPMasquerade(port: IptablesPort, state: PortState, settings: IptablesSettings): RuleLine[] {
  const { info, chains } = port;
  if (!hasInternalEndpoints(port, state)) return [];
  const { masqueradeAll, localDetector } = settings;
  if (!masqueradeAll && localDetector.kind === 'none') return [];
  const source = masqueradeAll ? [] : iptablesIfNotLocal(localDetector);
  const match = [...comment(`${info.nameString} cluster IP`), ...port.destination(info.clusterIP), ...source];
  return [
    {
      table: 'nat',
      chain: info.internalPolicyLocal ? chains.local : chains.cluster,
      args: [...match, '-j', 'KUBE-MARK-MASQ'],
      cause: port.cause(),
    },
  ];
}

/** `1/n` as Go prints it with `%0.10f`. */
function probability(n: number): string {
  return (1 / n).toFixed(10);
}

/**
 * The choice among endpoints: first whoever served this client before, then each with the chance that makes all equal.
 *
 * @param chain KUBE-SVC or KUBE-SVL of the port.
 */
export function endpointChoice(
  port: IptablesPort,
  chain: string,
  endpoints: readonly EndpointInfo[],
  isLargeCluster: boolean,
): RuleLine[] {
  const { info } = port;
  const rules: RuleLine[] = [];
  const add = (endpoint: EndpointInfo, ...match: string[]) => {
    const text = isLargeCluster ? [] : comment(`${info.nameString} -> ${endpoint.endpoint}`);
    const args = [...text, ...match, '-j', port.endpointChain(endpoint)];
    rules.push({ table: 'nat', chain, args, cause: port.endpointCause(endpoint) });
  };
  if (info.sessionAffinity === 'ClientIP') {
    for (const endpoint of endpoints) {
      const recent = ['-m', 'recent', '--name', port.endpointChain(endpoint), '--rcheck'];
      add(endpoint, ...recent, '--seconds', String(info.stickyMaxAgeSeconds), '--reap');
    }
  }
  endpoints.forEach((endpoint, i) => {
    const left = endpoints.length - i;
    if (left === 1) add(endpoint);
    else add(endpoint, '-m', 'statistic', '--mode', 'random', '--probability', probability(left));
  });
  return rules;
}

/** KUBE-SEP: a client that is its own endpoint is masqueraded, lest the answer stay with it; then the destination becomes the endpoint. */
export function endpointChain(port: IptablesPort, endpoint: EndpointInfo, isLargeCluster: boolean): RuleLine[] {
  const chain = port.endpointChain(endpoint);
  const cause = port.endpointCause(endpoint);
  const text = isLargeCluster ? [] : comment(port.info.nameString);
  const recent = port.info.sessionAffinity === 'ClientIP' ? ['-m', 'recent', '--name', chain, '--set'] : [];
  const translate = [...port.protocolMatch(), '-j', 'DNAT', '--to-destination', endpoint.endpoint];
  return [
    { table: 'nat', chain, args: [...text, '-s', endpoint.ip, '-j', 'KUBE-MARK-MASQ'], cause },
    { table: 'nat', chain, args: [...text, ...recent, ...translate], cause },
  ];
}
