/** Random tables of nftables: base chains of every hook and several priorities, chains that they jump to, sets of their own. */
import type { Family } from '@podwire/engine';
import { type NftChain, type NftFamily, type NftObject, type NftStatement, printNftRuleset } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { type ActionSpot, anyEffect, anyEnd, writeHeader } from './nft-actions.ts';
import { anyMatch, frameMatch, protocolTest } from './nft-matches.ts';
import type { Transport } from './nft-selectors.ts';
import { makeSets, type Named } from './nft-sets.ts';
import { listed } from './nft-tables.ts';
import type { Draft, Plan } from './topology.ts';

interface Base {
  type: 'filter' | 'nat' | 'route';
  hook: string;
  priority: number;
  devices?: string[];
}

const FILTER_PRIORITIES = [-300, -300, -300, -250, -200, -150, -100, -50, 0, 0, 5, 50, 100, 150, 300];
const BRIDGE_PRIORITIES = [-300, -200, -100, 0, 100, 300];

const isFirst = (hook: string) => hook === 'prerouting' || hook === 'output';

/** Base chains that share the chains below them: what may stand there depends on all of them. */
function groupsOf(r: Random, netns: Draft, family: NftFamily, nat: boolean): Base[][] {
  const devices = netns.links.map(({ name }) => name).concat('lo');
  if (family === 'netdev') {
    const at = (hook: string): Base => ({
      type: 'filter',
      hook,
      priority: r.pick([-100, 0, 50]),
      devices: r.some(devices, r.between(1, 2)).sort(),
    });
    return [...(r.chance(0.7) ? [[at('ingress')]] : []), ...(r.chance(0.6) ? [[at('egress')]] : [])];
  }
  if (nat)
    return [
      ['prerouting', 'output'],
      ['input', 'postrouting'],
    ].map((hooks) =>
      hooks
        .filter(() => r.chance(0.65))
        .map(
          (hook): Base => ({
            type: 'nat',
            hook,
            priority: r.pick(isFirst(hook) ? [-100, -100, -90, 0] : [100, 100, 90, 0]),
          }),
        ),
    );
  const priorities = family === 'bridge' ? BRIDGE_PRIORITIES : FILTER_PRIORITIES;
  const groups = [['prerouting'], ['input', 'forward'], ['output', 'postrouting']].map((hooks) =>
    hooks.filter(() => r.chance(0.45)).map((hook): Base => ({ type: 'filter', hook, priority: r.pick(priorities) })),
  );
  if (family !== 'bridge' && r.chance(0.25))
    groups.push([{ type: 'route', hook: 'output', priority: r.pick([-150, -150, 0]) }]);
  if (family === 'inet' && r.chance(0.25))
    groups.push([{ type: 'filter', hook: 'ingress', priority: 0, devices: r.some(devices, r.between(1, 2)).sort() }]);
  return groups;
}

const TRANSPORTS: readonly Transport[] = ['tcp', 'tcp', 'udp', 'udp', 'th', 'icmp', 'none', 'none', 'tuple'];

/** `type`, `below` and what the table allows stay the same for all rules of a chain. */
type ChainSpot = Omit<ActionSpot, 'version' | 'transport'>;

/** A test of the frame and nothing of what it carries: nft lists tests of both in an order of its own. */
function frameRule(spot: ActionSpot): NftStatement[] {
  const { r } = spot;
  const mark: NftStatement = { mangle: { key: { meta: { key: 'mark' } }, value: r.pick([1, 4, 0x4000]) } };
  return [
    frameMatch(spot),
    ...(r.chance(0.5) ? [mark] : []),
    ...r.pick<NftStatement[]>([[{ accept: null }], [{ drop: null }], []]),
  ];
}

/** Of one port in `th` and of the other nft 1.0.6 makes one test, and lists its bytes. */
const isPortOfAny = (statement: NftStatement): boolean => {
  if (!('match' in statement)) return false;
  const { op, left, right } = statement.match;
  const isTh =
    typeof left === 'object' && 'payload' in left && 'protocol' in left.payload && left.payload.protocol === 'th';
  return isTh && op === '==' && typeof right === 'number';
};

function randomTests(spot: ActionSpot): NftStatement[] {
  const tests = Array.from({ length: spot.r.pick([0, 1, 1, 1, 2, 2, 3]) }, () => anyMatch(spot));
  const first = tests.findIndex(isPortOfAny);
  return tests.filter((test, i) => i <= first || !isPortOfAny(test));
}

function randomRule(chain: ChainSpot): NftStatement[] {
  const { r, family, type } = chain;
  const version: Family = family === 'ip' ? 4 : family === 'ip6' ? 6 : r.chance(0.6) ? 4 : 6;
  const spot: ActionSpot = { ...chain, version, transport: r.pick(TRANSPORTS) };
  // What the lab puts onto a shared segment comes from nobody whom the machine knows.
  if (!spot.netns.links.some(({ kind }) => kind === 'device') && r.chance(0.07)) return frameRule(spot);
  const tests = randomTests(spot);
  if (type !== 'nat' && family !== 'bridge' && r.chance(0.08)) {
    const end = r.pick<NftStatement[]>([[{ accept: null }], [{ return: null }], []]);
    return [...protocolTest(spot), ...tests, writeHeader(spot), ...end];
  }
  const effects = Array.from({ length: r.pick([0, 0, 0, 1, 1, 2]) }, () => anyEffect(spot));
  const body: NftStatement[] = r.chance(0.75) ? [...tests, ...effects] : r.some([...tests, ...effects], 9);
  const end = anyEnd(spot, tests.length === 0);
  return [...protocolTest(spot), ...body, ...end];
}

/** Neighbours have to be found, and nothing may count them: the machine does not see how. */
function discovery({ family }: { family: NftFamily }): NftStatement[][] {
  const accepted = (statement: NftStatement): NftStatement[] => [statement, { accept: null }];
  const test = (key: string, values: string[]): NftStatement => ({
    match: { op: '==', left: { meta: { key } }, right: values.length === 1 ? (values[0] as string) : { set: values } },
  });
  const types: NftStatement = {
    match: {
      op: '==',
      left: { payload: { protocol: 'icmpv6', field: 'type' } },
      right: { set: ['nd-neighbor-solicit', 'nd-neighbor-advert', 'mld2-listener-report'] },
    },
  };
  if (family === 'ip') return [];
  if (family === 'ip6' || family === 'inet') return [accepted(types)];
  return [accepted(test('protocol', ['arp'])), accepted(types)];
}

function addGroup(
  common: Omit<ChainSpot, 'hooks' | 'priority' | 'type' | 'below'>,
  table: string,
  bases: readonly Base[],
  prefix: string,
): NftObject[] {
  const { r, family } = common;
  const objects: NftObject[] = [];
  const [first] = bases;
  if (!first) return objects;
  const spot: ChainSpot = {
    ...common,
    hooks: bases.map(({ hook }) => hook),
    priority: Math.max(...bases.map(({ priority }) => priority)),
    type: first.type,
    below: [],
  };
  const add = (name: string, rules: readonly NftStatement[][], base?: Base) => {
    const policy = base?.type === 'filter' && r.chance(0.06) ? 'drop' : 'accept';
    const hooked: Partial<NftChain> = base
      ? {
          type: base.type,
          hook: base.hook,
          prio: base.priority,
          policy,
          ...(base.devices && { dev: base.devices.length === 1 ? (base.devices[0] as string) : base.devices }),
        }
      : {};
    objects.push({ chain: { family, table, name, ...hooked } });
    for (const expr of rules) if (expr.length > 0) objects.push({ rule: { family, table, chain: name, expr } });
  };
  const rules = (chain: ChainSpot, most: number) => Array.from({ length: r.between(0, most) }, () => randomRule(chain));
  const levels = Array.from({ length: r.between(0, 2) }, (_, level) =>
    Array.from({ length: r.between(1, 2) }, (_unused, i) => `${prefix}-${level}-${i}`),
  );
  for (const [level, names] of levels.entries())
    for (const name of names) add(name, rules({ ...spot, below: levels.slice(level + 1).flat() }, 3));
  for (const base of bases) {
    const own: ChainSpot = { ...spot, hooks: [base.hook], priority: base.priority, below: levels.flat() };
    const before = base.type === 'nat' ? [] : discovery(common);
    add(`${prefix}-${base.hook}`, [...before, ...rules(own, 4)], base);
  }
  return objects;
}

function makeTable(r: Random, plan: Plan, netns: Draft, family: NftFamily, table: string): NftObject[] {
  const nat = (family === 'ip' || family === 'ip6' || family === 'inet') && r.chance(0.4);
  const { objects, sets }: { objects: NftObject[]; sets: Named[] } = makeSets({ r, plan, netns }, family, table, nat);
  const zones = r.chance(0.3);
  const tracks = family !== 'netdev' && family !== 'bridge';
  const groups = groupsOf(r, netns, family, nat);
  const chains = groups.flatMap((bases, i) =>
    addGroup({ r, plan, netns, family, sets, zones, tracks }, table, bases, `c${i}`),
  );
  // Chains that are jumped to come before the rules that do.
  const isRule = (object: NftObject) => 'rule' in object;
  return [
    { table: { family, name: table } },
    ...objects,
    ...chains.filter((o) => !isRule(o)),
    ...chains.filter(isRule),
  ];
}

/** Text of random tables for some namespaces. */
export function makeNftRulesets(r: Random, plan: Plan): Record<string, string[]> {
  const made: Record<string, string[]> = {};
  for (const netns of plan.netnses) {
    if (!r.chance(netns.links.length > 1 ? 0.85 : 0.3)) continue;
    const families: NftFamily[] = [
      'ip',
      'ip6',
      'inet',
      'inet',
      'netdev',
      ...(netns.links.some(({ kind }) => kind === 'bridge') ? (['bridge'] as const) : []),
    ];
    const objects = r
      .some(families, r.between(1, 3))
      .flatMap((family, i) => makeTable(r, plan, netns, family, `t${i}`));
    made[netns.name] = listed(printNftRuleset(objects));
  }
  return made;
}
