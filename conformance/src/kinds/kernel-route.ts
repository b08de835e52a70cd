/** Routing configurations that were built on a kernel, and what it said: to commands that it refused, and to `ip route get`. */
import type { Netns, RouteAnswer, RouteLookup, RouteQuestion } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { applyIp, emptyNetns, type RouteRecord, routeRecord, tableName } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';

interface LinkConfig {
  name: string;
  mac: string;
  mtu: number;
  state: 'up' | 'down' | 'no-carrier';
}

interface Refused {
  /** Number of accepted commands before the attempt. */
  after: number;
  line: string;
  /** `EEXIST`, or `ERR:` and the message. */
  error: string;
  message: string;
}

/** As `ip -j route get` prints it, without the fields that say what was asked. */
interface Resolved {
  error?: string;
  type?: string;
  dev?: string;
  gateway?: string;
  via?: { family: string; host: string };
  prefsrc?: string;
  table?: string;
  flags?: string[];
}

interface Lookup {
  family: 4 | 6;
  dst: string;
  from?: string;
  iif?: string;
  oif?: string;
  mark?: number;
  tos?: string | number;
  ipproto?: string;
  sport?: number;
  dport?: number;
  /** Routes that share a nexthop object: the kernel may name the other one. */
  unstable?: 'route';
  expect: { route?: Partial<RouteRecord>; error?: string; resolved?: Resolved };
}

interface RouteCase {
  id: string;
  config: { links: LinkConfig[]; sysctls: Record<string, number>; commands: string[]; refused: Refused[] };
  lookups: Lookup[];
}

interface Built {
  netns: Netns;
  /** Holds the other ends. */
  world: Netns[];
  wrong: string[];
}

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58, sctp: 132 };

/** One veth per link, its peer in a namespace of its own; link-local addresses are given, not made. */
function plug({ links, sysctls }: RouteCase['config']): { netns: Netns; peer: Netns } {
  const netns = emptyNetns('host');
  const peer = emptyNetns('peer');
  const generated = links.map(({ name }) => [`net.ipv6.conf.${name}.addr_gen_mode`, 1] as const);
  netns.sysctls = { ...Object.fromEntries(generated), ...sysctls };
  for (const { name, mac, mtu, state } of links) {
    netns.links.push({ name, kind: 'veth', mac, mtu, up: state !== 'down', peer: { netns: 'peer', link: name } });
    peer.links.push({ name, kind: 'veth', up: state !== 'no-carrier', peer: { netns: 'host', link: name } });
  }
  return { netns, peer };
}

function build({ config }: RouteCase): Built {
  const { netns, peer } = plug(config);
  const world = [peer];
  const wrong: string[] = [];
  const attempts = [...config.refused];
  const attempt = (done: number) => {
    for (let next = attempts[0]; next?.after === done; next = attempts[0]) {
      attempts.shift();
      const [refused] = applyIp(structuredClone(netns), next.line, world);
      const said = next.error.startsWith('ERR:') ? refused?.message : refused?.errno;
      const expected = next.error.startsWith('ERR:') ? next.message : next.error;
      if (said !== expected)
        wrong.push(`ip ${next.line}: expected ${expected}, found ${refused?.message ?? 'accepted'}`);
    }
  };
  attempt(0);
  config.commands.forEach((command, index) => {
    const [refused] = applyIp(netns, command, world);
    if (refused) wrong.push(`ip ${command}: refused: ${refused.message}`);
    attempt(index + 1);
  });
  return { netns, world, wrong };
}

function question({ family, dst, from, iif, oif, mark, tos, ipproto, sport, dport }: Lookup): RouteQuestion {
  return {
    family,
    daddr: dst,
    ...(from !== undefined && { saddr: from }),
    ...(iif !== undefined && { iif }),
    ...(oif !== undefined && { oif }),
    ...(mark !== undefined && { mark }),
    ...(tos !== undefined && { tos: Number(tos) }),
    ...(ipproto !== undefined && { protocol: PROTOCOLS[ipproto] ?? Number(ipproto) }),
    ...(sport !== undefined && { sport }),
    ...(dport !== undefined && { dport }),
  };
}

/** Keys in one order, nexthops too; what is empty says nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined && !(Array.isArray(v) && v.length === 0))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${k}:${canonical(v)}`).join(',')}}`;
}

/**
 * The matched entry: what `fibmatch` prints. Gateways of one IPv6 route that were added by different protocols: a hash chooses whose is
 * named.
 */
function matched({ netns, world }: Built, answer: RouteAnswer): string[] {
  if ('error' in answer) return [answer.error];
  // Without a route there is nothing to print.
  if (!answer.route) return ['EHOSTUNREACH'];
  // The destination decides the type before the route does.
  const record = { ...routeRecord(netns, answer.route, answer.table ?? 0, world), type: answer.type };
  const protocols = answer.route.nexthops.flatMap(({ protocol }) => protocol ?? []);
  return [record, ...protocols.map((protocol) => ({ ...record, protocol }))].map(canonical);
}

/** Which way a packet would go; a choice among several nexthops is a hash, so that only the kind of route is compared. */
function resolved(question: RouteQuestion, answer: RouteAnswer): Resolved {
  if ('error' in answer) return { error: answer.error };
  const { type, dev, gateway: via, source, table } = answer;
  const other = via?.includes(':') && answer.route?.family === 4;
  return {
    type,
    dev,
    ...(via !== undefined && !other && { gateway: via }),
    ...(via !== undefined && other && { via: { family: 'inet6', host: via } }),
    ...(source !== undefined && { prefsrc: source }),
    ...(table !== undefined && { table: tableName(table) }),
    // The kernel's mark for multicast (RTCF_MULTICAST), read by `ip` as another flag of the same bit.
    ...(type === 'multicast' && !question.daddr.includes(':') && { flags: ['rt_offload_failed'] }),
  };
}

function difference(built: Built, machine: RouteLookup, lookup: Lookup): string | undefined {
  const asked = question(lookup);
  const answer = machine.lookup(built.netns.name, asked);
  const { route, error } = lookup.expect;
  const say = (what: string, want: string, found: string) => {
    const { expect: _expect, ...rest } = lookup;
    return `${JSON.stringify(rest)}: ${what}: expected ${want}, found ${found}`;
  };
  if (lookup.unstable === undefined && (route || error)) {
    const found = matched(built, answer);
    const want = route ? canonical(route) : String(error);
    if (!found.includes(want)) return say('match', want, found.join(' or '));
  }
  const want = lookup.expect.resolved;
  if (!want) return undefined;
  const found = resolved(asked, answer);
  return canonical(want) === canonical(found) ? undefined : say('resolved', canonical(want), canonical(found));
}

function judge(row: RouteCase): Outcome {
  const built = build(row);
  const machine = createReference();
  machine.load({ netnses: [built.netns, ...built.world] });
  const wrong = [...built.wrong];
  for (const lookup of row.lookups) {
    const why = difference(built, machine, lookup);
    if (why !== undefined) wrong.push(why);
  }
  const all = row.lookups.length + row.config.refused.length;
  return wrong.length ? fail(`${wrong.length} of ${all} answers differ; ${wrong[0]}`) : pass;
}

export const kernelRoute: Kind = {
  kind: 'kernel-route',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<RouteCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
