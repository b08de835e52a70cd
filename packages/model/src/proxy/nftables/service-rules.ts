/** The chains of one service port: who may come, how it is spread, and with ClientIP affinity a chain for each endpoint. */
import type { NftElement, Statement } from '@podwire/engine';
import type { NftElement as ElementTree, NftExpression, NftStatement } from '../../linux/nft/syntax.ts';
import { nftablesIfLocal } from '../detect-local.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { parseIP, tableFamily } from '../ip.ts';
import { hasExternalEndpoints, type PortState } from '../port-state.ts';
import type { MadeBody, RuleLine, SetLine } from './lines.ts';
import type { NftablesPort } from './port.ts';
import type { NftablesSettings } from './settings.ts';

const goTo = (chain: string): MadeBody => ({ expr: [{ goto: { target: chain } }], body: [{ kind: 'goto', chain }] });

/** `external-`: traffic to a node port, an external IP or a load balancer's address. */
export function externalRules(port: NftablesPort, state: PortState, settings: NftablesSettings): RuleLine[] {
  const { info, chains } = port;
  const rules: RuleLine[] = [];
  const add = (text: string, comment?: string, made?: RuleLine['made']) =>
    rules.push({
      chain: chains.external,
      text,
      ...(comment !== undefined && { comment }),
      cause: port.cause('spec', 'externalTrafficPolicy'),
      ...(made && { made }),
    });
  const mark = `mark set mark or ${settings.masqueradeMark}`;
  if (info.externalPolicyLocal) {
    // Pods, wherever they run, and the node itself are not bound by the policy, as if they went out to the load balancer and back.
    const ifLocal = nftablesIfLocal(settings.localDetector);
    if (ifLocal.length > 0) add(`${ifLocal.join(' ')} goto ${chains.cluster}`, 'short-circuit pod traffic');
    // The node would come from the very address it goes to, if that is local.
    add(`fib saddr type local ${mark}`, 'masquerade local traffic');
    add(`fib saddr type local goto ${chains.cluster}`, 'short-circuit local traffic');
  } else {
    // The endpoint may be on another node, whose answer has to come back here.
    add(mark, 'masquerade');
  }
  if (hasExternalEndpoints(port, state)) {
    const chain = info.externalPolicyLocal ? chains.local : chains.cluster;
    add(`goto ${chain}`, undefined, () => goTo(chain));
  }
  return rules;
}

/** Whether a source range holds the node, whose own packets to a load balancer's address may then come from that address. */
export function allowsNode({ info }: NftablesPort, nodeIP: string | undefined): boolean {
  const address = parseIP(nodeIP ?? '');
  return address !== undefined && info.loadBalancerSourceRanges.some(({ cidr }) => cidr.contains(address));
}

/** `firewall-`: sources that may not use the load balancer's address. */
export function firewallRules(port: NftablesPort, fromNode: boolean, settings: NftablesSettings): RuleLine[] {
  const { info, chains } = port;
  const sources = [
    ...info.loadBalancerSourceRanges.map(({ cidr }) => cidr.text),
    ...(fromNode ? info.loadBalancerVIPs.map(({ ip }) => ip) : []),
  ];
  const text = `${tableFamily(settings.family)} saddr != { ${sources.join(' , ')} } drop`;
  return [{ chain: chains.firewall, text, cause: port.cause('spec', 'loadBalancerSourceRanges') }];
}

/** `numgen random mod N`, in both forms. */
const random = (mod: number) => ({
  tree: { numgen: { mode: 'random' as const, mod, offset: 0 } },
  key: [{ field: 'numgen' as const, mode: 'random' as const, mod, offset: 0 }],
});

/** Each with the same chance: its address and port. */
function translation(port: NftablesPort, endpoints: readonly EndpointInfo[], family: 'ip' | 'ip6'): MadeBody {
  const { tree, key } = random(endpoints.length);
  const set = endpoints.map(({ ip, port: to }, i): ElementTree => [i, { concat: [ip, to] }]);
  const elements = endpoints.map(
    (endpoint, i): NftElement => ({
      key: [i],
      data: [endpoint.ip, endpoint.port],
      cause: port.endpointCause(endpoint),
    }),
  );
  const protocol = PROTOCOLS[port.protocol] ?? 0;
  const data = [family === 'ip' ? ('ipv4_addr' as const) : ('ipv6_addr' as const), 'integer' as const];
  return {
    expr: [
      { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: port.protocol } },
      { dnat: { family, addr: { map: { key: tree, data: { set } } } } },
    ],
    body: [
      { kind: 'protocol', protocol },
      {
        kind: 'nat-to',
        nat: 'dnat',
        gives: ['address', 'port'],
        value: { kind: 'map', key, map: { type: ['integer'], elements, data } },
      },
    ],
  };
}

/** Each with the same chance: its chain. */
function choice(port: NftablesPort, endpoints: readonly EndpointInfo[]): MadeBody {
  const { tree, key } = random(endpoints.length);
  const chain = (endpoint: EndpointInfo) => port.endpoint(endpoint).endpoint;
  const set = endpoints.map((endpoint, i): ElementTree => [i, { goto: { target: chain(endpoint) } }]);
  const elements = endpoints.map(
    (endpoint, i): NftElement => ({
      key: [i],
      verdict: { kind: 'goto', chain: chain(endpoint) },
      cause: port.endpointCause(endpoint),
    }),
  );
  return {
    expr: [{ vmap: { key: tree, data: { set } } }],
    body: [{ kind: 'verdict-map', key, map: { type: ['integer'], elements, data: 'verdict' } }],
  };
}

export const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** What a rule of one client's endpoint starts with, in both forms. */
const fromAddress = (ip: 'ip' | 'ip6') => ({
  tree: { payload: { protocol: ip, field: 'saddr' } } satisfies NftExpression,
  field: ip === 'ip' ? ('ip saddr' as const) : ('ip6 saddr' as const),
});

/**
 * The choice among endpoints: first whoever served this client before, then each with the same chance.
 *
 * @param chain `service-` or `local-` of the port.
 */
export function choiceRules(
  port: NftablesPort,
  chain: string,
  endpoints: readonly EndpointInfo[],
  { family }: Pick<NftablesSettings, 'family'>,
): RuleLine[] {
  const ip = tableFamily(family);
  const mod = `numgen random mod ${endpoints.length}`;
  const cause = port.cause();
  if (!port.hasAffinity) {
    const map = endpoints.map((endpoint, i) => `${i} : ${endpoint.ip} . ${endpoint.port}`).join(' , ');
    const text = `meta l4proto ${port.protocol} dnat ${ip} addr . port to ${mod} map { ${map} }`;
    return [{ chain, text, cause, made: () => translation(port, endpoints, ip) }];
  }
  const { tree, field } = fromAddress(ip);
  const again = endpoints.map((endpoint): RuleLine => {
    const { affinitySet, endpoint: to } = port.endpoint(endpoint);
    const expr: NftStatement[] = [{ match: { op: '==', left: tree, right: `@${affinitySet}` } }, ...goTo(to).expr];
    const body: Statement[] = [{ kind: 'lookup', key: [{ field }], set: affinitySet }, ...goTo(to).body];
    const text = `${ip} saddr @${affinitySet} goto ${to}`;
    return { chain, text, cause: port.endpointCause(endpoint), made: () => ({ expr, body }) };
  });
  const map = endpoints.map((endpoint, i) => `${i} : goto ${port.endpoint(endpoint).endpoint}`).join(' , ');
  return [...again, { chain, text: `${mod} vmap { ${map} }`, cause, made: () => choice(port, endpoints) }];
}

/** The clients that an endpoint has served: IPs alone, whichever port they came from and whichever address they asked for. */
export function affinitySet(
  port: NftablesPort,
  endpoint: EndpointInfo,
  { family }: Pick<NftablesSettings, 'family'>,
): SetLine {
  return {
    name: port.endpoint(endpoint).affinitySet,
    type: [family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr'],
    timeout: port.info.stickyMaxAgeSeconds,
    cause: port.endpointCause(endpoint),
  };
}

/** `endpoint-`: the client is remembered, and the destination becomes the endpoint. */
export function endpointRules(
  port: NftablesPort,
  endpoint: EndpointInfo,
  { family }: Pick<NftablesSettings, 'family'>,
): RuleLine[] {
  const ip = tableFamily(family);
  const { endpoint: chain, affinitySet: set } = port.endpoint(endpoint);
  const cause = port.endpointCause(endpoint);
  return [
    { chain, text: `update @${set} { ${ip} saddr }`, cause },
    { chain, text: `meta l4proto ${port.protocol} dnat to ${endpoint.endpoint}`, cause },
  ];
}
