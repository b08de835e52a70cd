/** Rulesets that test few bits, and every packet that these bits can tell apart. */
import {
  CtDirection,
  CtState,
  Hook,
  type Match,
  type Packet,
  Protocol,
  plainPacket,
  type Rule,
  type Statement,
  type Table,
} from '@podwire/engine';
import { type ChainProbe, createProbe, type ProbeResult, type Random } from '@podwire/engine/reference';
import { PacketSet } from './packet-set.ts';
import type { PacketSpace } from './space/packet-space.ts';
import type { Subject } from './subject.ts';

const MARK_BITS = 2;
const TOS_BITS = 2;
/** Those that tests name, and one more of each sort: with a connection and without. */
const TESTED_STATES = [CtState.NEW, CtState.ESTABLISHED, CtState.UNTRACKED];
const STATES = [...TESTED_STATES, CtState.RELATED, CtState.INVALID];
const ADDRESSES = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.1.1', '10.1.0.1'];
const NAMES = ['eth0', 'eth1', 'lo', 'wlan0'];

function tinyMatch(r: Random): Match {
  const not = r.chance(1, 3) ? { not: true } : {};
  const mask = 1 + r.below(2 ** MARK_BITS - 1);
  switch (r.below(7)) {
    case 0:
      return { kind: 'mark', value: r.below(2 ** MARK_BITS) & mask, mask, ...not };
    case 1:
      return { kind: 'tos', value: r.below(2 ** TOS_BITS), mask: 2 ** TOS_BITS - 1, ...not };
    case 2:
      return { kind: 'state', states: r.pick(TESTED_STATES) | r.pick(TESTED_STATES), ...not };
    case 3:
      return { kind: 'saddr', prefix: r.pick(['10.0.0.0/16', '10.0.0.1/32', '10.0.0.2/31', '0.0.0.0/0']), ...not };
    case 4:
      return { kind: 'iif', name: r.pick(['eth0', 'eth+', 'lo', '+']), ...not };
    case 5:
      return { kind: 'connmark', value: r.below(2 ** MARK_BITS) & mask, mask, ...not };
    default:
      return { kind: 'iprange', src: { from: '10.0.0.0', to: '10.0.0.1', ...not } };
  }
}

function tinyAction(r: Random, below: readonly string[], marks: boolean): Statement | undefined {
  const mask = 1 + r.below(2 ** MARK_BITS - 1);
  const makes: (() => Statement | undefined)[] = [
    () => ({ kind: 'accept' }),
    () => ({ kind: 'accept' }),
    () => ({ kind: 'drop' }),
    () => ({ kind: 'drop' }),
    () => ({ kind: 'return' }),
    () => undefined,
  ];
  if (below.length > 0) {
    makes.push(() => ({ kind: 'jump', chain: r.pick(below) }));
    makes.push(() => ({ kind: r.pick(['jump', 'goto']), chain: r.pick(below) }));
  }
  if (marks) {
    makes.push(() => ({ kind: 'set-mark', value: r.below(2 ** MARK_BITS), mask }));
    makes.push(() => ({ kind: r.pick(['save-mark', 'restore-mark']), nfmask: mask, ctmask: mask }));
    makes.push(() => ({ kind: 'set-connmark', value: r.below(2 ** MARK_BITS), mask }));
  }
  return r.pick(makes)();
}

function tinyRule(r: Random, below: readonly string[], marks: boolean): Rule {
  const tests = Array.from({ length: r.below(4) }, () => tinyMatch(r));
  const action = tinyAction(r, below, marks);
  return { body: action ? [...tests, action] : tests };
}

/** A base chain, and two that may be called. `marks`: rules may write marks. */
export function tinyTable(r: Random, marks: boolean): Table {
  const rules = (below: readonly string[], most: number) =>
    Array.from({ length: 1 + r.below(most) }, () => tinyRule(r, below, marks));
  return {
    family: 'ip',
    name: 'filter',
    chains: [
      {
        name: 'FORWARD',
        hook: { hook: Hook.FORWARD, priority: 0, type: 'filter', policy: r.pick(['accept', 'drop']) },
        rules: rules(['one', 'two'], 7),
      },
      { name: 'one', rules: rules(['two'], 4) },
      { name: 'two', rules: rules([], 4) },
    ],
  };
}

const plain = plainPacket({
  saddr: '',
  protocol: Protocol.UDP,
  daddr: '10.9.9.9',
  sport: 1,
  dport: 2,
  dontFragment: false,
});

const isTracked = (state: CtState) => state !== CtState.UNTRACKED && state !== CtState.INVALID;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

function tinySubject(saddr: string, iif: string, state: CtState, mark: number, tos: number, connmark: number): Subject {
  const packet: Packet = { ...plain, saddr, mark, tos };
  const tuple = { saddr, daddr: packet.daddr, sport: 1, dport: 2 };
  const reply = { saddr: packet.daddr, daddr: saddr, sport: 2, dport: 1 };
  const connection = {
    mark: connmark,
    direction: CtDirection.ORIGINAL,
    protocol: Protocol.UDP,
    original: tuple,
    reply,
    expected: false,
    seenReply: false,
    assured: false,
    confirmed: false,
    snat: false,
    dnat: false,
  };
  const tracked = isTracked(state);
  return { packet, iif, oif: 'eth1', fragment: false, state, ...(tracked && { connection }), atoms: {}, further: {} };
}

/** Every packet that rules of `tinyTable` can tell apart. */
export const TINY_SUBJECTS: readonly Subject[] = ADDRESSES.flatMap((saddr) =>
  NAMES.flatMap((iif) =>
    STATES.flatMap((state) =>
      numbers(2 ** MARK_BITS).flatMap((mark) =>
        numbers(2 ** TOS_BITS).flatMap((tos) =>
          (isTracked(state) ? numbers(2 ** MARK_BITS) : [0]).map((connmark) =>
            tinySubject(saddr, iif, state, mark, tos, connmark),
          ),
        ),
      ),
    ),
  ),
);

/** Packets by interfaces that the host has, so that they can be sent. */
export const tinyPackets = (space: PacketSpace): PacketSet =>
  new PacketSet(
    space,
    space.and(space.or(...NAMES.map((name) => space.interfaceName('iif', name))), space.interfaceName('oif', 'eth1')),
  );

/** Asks the reference interpreter. */
export function tinyProbe(): (table: Table, subject: Subject) => ProbeResult {
  const probe: ChainProbe = createProbe(
    {
      netnses: [
        {
          name: 'host',
          links: ['eth0', 'eth1', 'wlan0'].map((name) => ({ name, kind: 'dummy' })),
          addresses: [],
          tables: [],
          sysctls: {},
          netfilter: [],
        },
      ],
    },
    'host',
  );
  return (table, { connection, ...subject }) =>
    probe.ask(table, 'FORWARD', {
      ...subject,
      ...(connection && { connection: { ...connection, family: 4, zone: 0 } }),
    });
}
