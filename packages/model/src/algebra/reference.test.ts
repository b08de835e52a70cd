/** Random rulesets and packets: what a chain's diagram says of a packet must be what the reference interpreter does with it. */
import {
  ChoiceKind,
  CtDirection,
  CtState,
  type Family,
  type Netns,
  type Packet,
  Protocol,
  type Table,
  type Tuple,
} from '@podwire/engine';
import {
  addNftTables,
  addRulesets,
  createProbe,
  MARKS,
  makePlan,
  type Plan,
  PORTS,
  PROTOCOLS,
  type ProbeResult,
  type Random,
  random,
} from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { chainsOf, RuleCompiler } from './compile.ts';
import { Decider } from './decide.ts';
import type { Diagram } from './space/diagram.ts';
import type { Outcome } from './space/outcome.ts';
import { PacketSpace } from './space/packet-space.ts';
import { bitOf, pointOf, type Subject } from './subject.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const NETWORKS = Number(process.env.PODWIRE_ROUNDS ?? 25);

const STATES = [CtState.INVALID, CtState.NEW, CtState.ESTABLISHED, CtState.RELATED, CtState.UNTRACKED];

function randomPacket(r: Random, plan: Plan, family: Family): Packet {
  const address = () => r.pick(r.chance(1, 4) ? plan.strangers[family] : plan.addresses[family]);
  const protocol = r.pick(PROTOCOLS);
  const ports = [Protocol.TCP, Protocol.UDP, Protocol.SCTP].includes(protocol);
  const icmp = protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
  return {
    family,
    protocol,
    saddr: address(),
    daddr: address(),
    sport: ports ? r.pick(PORTS) : 0,
    dport: ports ? r.pick(PORTS) : 0,
    tcpFlags: protocol === Protocol.TCP ? r.below(64) : 0,
    icmpType: icmp ? r.pick([0, 3, 8, 1, 128, 129]) : 0,
    icmpCode: icmp ? r.below(5) : 0,
    icmpId: 0,
    ttl: r.pick([1, 62, 63, 64, 65]),
    tos: r.pick([0, 0x10, 0xb8]),
    mark: r.chance(1, 2) ? r.pick(MARKS) : r.below(0xffffffff),
    length: r.pick([39, 40, 60, 61, 1500]),
    dontFragment: false,
  };
}

function randomSubject(r: Random, plan: Plan, netns: Netns, family: Family): Subject {
  const packet = randomPacket(r, plan, family);
  const links = ['lo', ...netns.links.map((link) => link.name)];
  const link = () => (r.chance(1, 4) ? '' : r.pick(links));
  const state = r.pick(STATES);
  const tracked = state !== CtState.INVALID && state !== CtState.UNTRACKED;
  const address = () => r.pick(plan.addresses[family]);
  // For ICMP type and code stand where others have a port; an echo can be answered.
  const echo = packet.protocol === Protocol.ICMP ? 0x0800 : packet.protocol === Protocol.ICMPV6 ? 0x8000 : undefined;
  const tuple = (): Tuple => ({
    saddr: address(),
    daddr: address(),
    sport: r.pick(PORTS),
    dport: echo ?? r.pick(PORTS),
  });
  const iif = link();
  const flag = () => r.chance(1, 2);
  return {
    packet,
    iif,
    oif: link(),
    ...(r.chance(1, 2) && { bridge: { in: r.pick(links), out: link() } }),
    // Without an interface it came in by, or from the loopback device, there is no header (mac_mt).
    ...(iif !== '' && iif !== 'lo' && flag() && { etherSource: r.pick(['ee:ee:ee:ee:ee:ee', '02:ff:00:00:00:02']) }),
    fragment: false,
    state,
    ...(tracked && {
      connection: {
        mark: r.pick(MARKS),
        direction: flag() ? CtDirection.ORIGINAL : CtDirection.REPLY,
        protocol: packet.protocol,
        original: tuple(),
        reply: tuple(),
        expected: false,
        seenReply: flag(),
        assured: flag(),
        confirmed: flag(),
        snat: flag(),
        dnat: flag(),
      },
    }),
    atoms: {},
    further: {},
  };
}

/** Every outcome that the subject can have, whatever the tests say that nobody can look into. */
function possible(space: PacketSpace, diagram: Diagram, subject: Subject): Outcome[] {
  const { leafValue, variableOf, low, high } = space.diagrams;
  const point = pointOf(subject);
  const found = new Set<number>();
  const seen = new Set<Diagram>();
  const visit = (at: Diagram): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const value = leafValue(at);
    if (value !== undefined) {
      found.add(value);
      return;
    }
    const variable = variableOf(at);
    const free = space.atomName(variable) !== undefined || space.furtherPlace(variable) !== undefined;
    const bit = bitOf(space, point, variable);
    if (free || bit) visit(high(at));
    if (free || !bit) visit(low(at));
  };
  visit(diagram);
  return [...found].map((value) => space.outcomes.of(value) as Outcome);
}

const apply = ({ ofMark, ofConnmark, plus }: Outcome['effect']['mark'], mark: number, connmark: number) =>
  ((mark & ofMark) ^ (connmark & ofConnmark) ^ plus) >>> 0;

/** Could this have been it? */
function agrees(outcome: Outcome, subject: Subject, result: ProbeResult): boolean {
  const { verdict, effect } = outcome;
  if (verdict === 'unknown') return true;
  const mark = subject.packet.mark;
  const connmark = subject.connection?.mark ?? 0;
  if (apply(effect.mark, mark, connmark) !== result.mark) return false;
  if (subject.connection && !effect.untracked && apply(effect.connmark, mark, connmark) !== result.connmark)
    return false;
  switch (verdict) {
    case 'accept':
      return !result.stopped;
    case 'return':
      return !result.stopped;
    case 'nat':
      // Without an address to translate to the packet is dropped.
      return result.rule !== undefined;
    default:
      return result.stopped;
  }
}

/** A zone given to a packet keeps NOTRACK from it: not modelled. */
const zoneAndNotrack = (table: Table): boolean => {
  const kinds = [...chainsOf(table).values()].flatMap(({ rules }) =>
    rules.flatMap(({ body }) => body.map((s) => s.kind)),
  );
  return kinds.includes('ct-zone') && kinds.includes('notrack');
};

/** The interpreter asks each time anew what a test says that nobody can look into; to a set, one text has one answer. */
function contradicts({ choices }: ProbeResult): boolean {
  const answers = new Map<string, number>();
  return choices.some(({ kind, text = '', taken }) => {
    if (kind !== ChoiceKind.UNMODELLED) return false;
    const before = answers.get(text) ?? taken;
    answers.set(text, taken);
    return before !== taken;
  });
}

const WRITERS = { iptables: addRulesets, nftables: addNftTables };

test.each(['iptables', 'nftables'] as const)(
  `chains of %s decide as the reference interpreter does (seed ${SEED})`,
  (tool) => {
    let asked = 0;
    let sure = 0;
    for (let n = 0; n < NETWORKS; n++) {
      const r = random(SEED * 1000 + n);
      const plan = makePlan(r);
      WRITERS[tool](r, plan);
      for (const netns of plan.netnses) {
        const probe = createProbe({ netnses: plan.netnses }, netns.name);
        for (const table of netns.netfilter) {
          if (zoneAndNotrack(table) || !['ip', 'ip6', 'inet'].includes(table.family)) continue;
          const families: readonly Family[] = table.family === 'inet' ? [4, 6] : [table.family === 'ip6' ? 6 : 4];
          const space = new PacketSpace();
          const decider = new Decider(new RuleCompiler(space, table, { netns }));
          for (const name of chainsOf(table).keys()) {
            const diagram = decider.chain(name);
            for (let i = 0; i < 12; i++) {
              const family = r.pick(families);
              const subject = randomSubject(r, plan, netns, family);
              const { connection, ...seen } = subject;
              const script = Array.from({ length: 8 }, () => r.below(2));
              const result = probe.ask(
                table,
                name,
                { ...seen, ...(connection && { connection: { ...connection, family, zone: 0 } }) },
                script,
              );
              if (contradicts(result)) continue;
              // A key of several parts of which one is not modelled: the interpreter asks, whatever the other parts say.
              if (tool === 'nftables' && result.choices.some(({ kind }) => kind === ChoiceKind.UNMODELLED)) continue;
              const outcomes = possible(space, diagram, subject);
              asked++;
              if (outcomes.length === 1) sure++;
              if (!outcomes.some((outcome) => agrees(outcome, subject, result))) {
                const { rule, ...rest } = result;
                const ended = rule && `${rule.chain.name} ${rule.index + 1}`;
                const about = { network: n, netns: netns.name, table: table.name, family, chain: name, ended };
                expect.fail(
                  JSON.stringify({ ...about, ...rest, subject, outcomes, rules: [...chainsOf(table).values()] }),
                );
              }
            }
          }
        }
      }
    }
    expect(asked).toBeGreaterThan(1000);
    expect(sure / asked).toBeGreaterThan(0.5);
  },
);
