/** Relations and limits of nftables as tests of iptables. */
import type { NftExpression, NftMatch, NftOperator, NftStatement } from '../../nft/syntax.ts';
import { types } from '../../nft/tables/datatypes.ts';
import { type Alternative, type Context, lacks, type Piece } from './head.ts';
import { flagNames, KEYS, type Key } from './keys.ts';
import { stateTest } from './states.ts';
import { elementsOf, numberOf, numbersOf, plainValue, valuesOf } from './values.ts';

/** What a statement asks: that one of these holds, or that none does; whether it counts, so that it must be asked once. */
export interface Asked {
  any?: Alternative[];
  none?: Alternative[];
  counts?: true;
}

type Node = Exclude<NftExpression, string | number | boolean | NftExpression[]>;

export const isNode = (node: NftExpression | undefined): node is Node =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

/** As the rows of `KEYS` are named. */
export function keyName(node: NftExpression): string {
  if (!isNode(node)) return JSON.stringify(node);
  if ('payload' in node && 'protocol' in node.payload) return `${node.payload.protocol} ${node.payload.field}`;
  if ('meta' in node) return `meta ${node.meta.key}`;
  if ('ct' in node) {
    const { key, dir } = node.ct;
    return dir === undefined ? `ct ${key}` : `ct ${dir} ${key}`;
  }
  if ('tcp option' in node && 'name' in node['tcp option'])
    return `tcp option ${node['tcp option'].name} ${node['tcp option'].field ?? ''}`.trim();
  return JSON.stringify(node);
}

/** A selector, with the mask that is laid over it. */
function maskedKey(left: NftExpression): { node: NftExpression; mask: NftExpression | undefined } {
  if (isNode(left) && '&' in left) {
    const [node, mask] = left['&'];
    if (node !== undefined && mask !== undefined) return { node, mask };
  }
  return { node: left, mask: undefined };
}

function keyOf(node: NftExpression, context: Context): Key | 'other family' {
  const name = keyName(node);
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  if (!key) return lacks(name);
  return key.family !== undefined && key.family !== context.family ? 'other family' : key;
}

/** `< 5` and its like as a range. */
function bounded(
  op: NftOperator,
  right: NftExpression,
  { max, type = types.integer }: Key,
  name: string,
): NftExpression {
  if (max === undefined) return lacks(`${name} ${op}`);
  const limit = numberOf(right, type);
  const [from, to] =
    op === '<' ? [0, limit - 1] : op === '<=' ? [0, limit] : op === '>' ? [limit + 1, max] : [limit, max];
  if (from > to) return lacks(`${name} ${op} ${limit}`, 'no packet is such');
  return { range: [from, to] };
}

const MULTIPORT_MAX = 15;
const MULTIPORT = new Set(['tcp', 'udp', 'sctp', 'dccp', 'udplite']);
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, dccp: 33, udplite: 136 };

/** Many ports at once; undefined where the key is no port. A range takes two places. */
function multiport(node: NftExpression, values: readonly NftExpression[], not: boolean): Alternative[] | undefined {
  const [protocol = '', side = ''] = keyName(node).split(' ');
  if (!MULTIPORT.has(protocol) || (side !== 'sport' && side !== 'dport') || values.length < 2) return undefined;
  const groups: string[][] = [];
  let room = 0;
  for (const value of values) {
    const { from, to } = numbersOf(value, types.service);
    const places = from === to ? 1 : 2;
    if (room < places) {
      groups.push([]);
      room = MULTIPORT_MAX;
    }
    room -= places;
    groups.at(-1)?.push(from === to ? String(from) : `${from}:${to}`);
  }
  const pieces = groups.map(
    (ports): Piece => ({
      words: ['-m', 'multiport', ...(not ? ['!'] : []), `--${side}s`, ports.join(',')],
      protocol: PROTOCOLS[protocol] ?? 0,
    }),
  );
  // None of several groups: all of the tests.
  return not ? [pieces] : pieces.map((piece) => [piece]);
}

/** Each element of a concatenation asks for all of its parts. */
function concatenated(
  parts: readonly NftExpression[],
  values: readonly NftExpression[],
  context: Context,
): Alternative[] {
  const keys = parts.map((part) => keyOf(part, context));
  if (keys.includes('other family')) return [];
  return values.map((value) => {
    const sides = isNode(value) && 'concat' in value ? value.concat : lacks(JSON.stringify(value));
    return keys.flatMap((key, i) =>
      key === 'other family' ? [] : key.asks(sides[i] ?? lacks('a short element'), false, undefined, context),
    );
  });
}

/** Keys of a map's elements, as tests. Undefined: packets of this family have no such key. */
export function keyTests(key: NftExpression, value: NftExpression, context: Context): Alternative[] {
  if (keyName(key) === 'ct status') return lacks('ct status', 'all of its bits at once have no words in iptables');
  if (value === '*') return lacks('*', 'what no other element takes is one more chain in iptables');
  if (isNode(key) && 'concat' in key) return concatenated(key.concat, [plainValue(value)], context);
  return equals(key, [plainValue(value)], false, context).any ?? [];
}

function equals(left: NftExpression, values: readonly NftExpression[], not: boolean, context: Context): Asked {
  const { node, mask } = maskedKey(left);
  const states = stateTest(node, mask, values, not);
  if (states) return states;
  const key = keyOf(node, context);
  if (key === 'other family') return { any: [] };
  const many = mask === undefined ? multiport(node, values, not) : undefined;
  if (many) return { any: many };
  const [only] = values;
  if (values.length === 1 && only !== undefined) return { any: [key.asks(only, not, mask, context)] };
  const each = values.map((value) => key.asks(value, false, mask, context));
  if (!not) return { any: each };
  return { none: each };
}

const FAMILIES: Readonly<Record<string, 'ip' | 'ip6'>> = { ipv4: 'ip', ipv6: 'ip6', ip: 'ip', ip6: 'ip6' };

/** `meta nfproto ipv4`: tables of iptables are of one family. */
function familyTest(name: string, values: readonly NftExpression[], not: boolean, context: Context): Asked | undefined {
  if (name !== 'meta nfproto' && name !== 'meta protocol') return undefined;
  const asked = values.map((value) => FAMILIES[String(value)]);
  return { any: asked.includes(context.family) === not ? [] : [[]] };
}

/** `icmp code`, behind `icmp type` or by itself, is part of one option. */
function typeTest(left: NftExpression, values: readonly NftExpression[], not: boolean): Asked | undefined {
  if (!isNode(left) || !('fib' in left)) return undefined;
  const { result, flags } = left.fib;
  const given = [flags].flat();
  const option = given.includes('daddr') ? '--dst-type' : '--src-type';
  if (result !== 'type') return undefined;
  const limit = given.includes('iif') ? ['--limit-iface-in'] : given.includes('oif') ? ['--limit-iface-out'] : [];
  const names = values.map((value) => String(value).toUpperCase());
  return { any: [[{ words: ['-m', 'addrtype', ...(not ? ['!'] : []), option, names.join(','), ...limit] }]] };
}

/** `fib saddr . iif oif missing`: there is no way back. */
function reverseTest({ op, left, right }: NftMatch['match']): Asked | undefined {
  if (!isNode(left) || !('fib' in left) || left.fib.result === 'type') return undefined;
  const flags = [left.fib.flags].flat();
  if (!flags.includes('saddr') || flags.includes('oif')) return undefined;
  const missing = (right === false || String(right) === '0') === (op !== '!=');
  const words = [
    ...(flags.includes('iif') ? [] : ['--loose']),
    ...(flags.includes('mark') ? ['--validmark'] : []),
    ...(missing ? ['--invert'] : []),
  ];
  return { any: [[{ words: ['-m', 'rpfilter', ...words] }]] };
}

/** `tcp flags syn`: one of these bits at least. `tcp flags ! syn`: none. */
function flagTest(left: NftExpression, op: NftOperator, right: NftExpression): Asked | undefined {
  if (keyName(left) !== 'tcp flags' || (op !== 'in' && op !== '!')) return undefined;
  const bits = numberOf(right, types.tcpFlag);
  if (bits > 0x3f) return lacks('tcp flags ecn, cwr', 'iptables names the six older flags of TCP only');
  const words = ['-m', 'tcp', ...(op === '!' ? [] : ['!']), '--tcp-flags', flagNames(bits), 'NONE'];
  return { any: [[{ words, protocol: 6 }]] };
}

export function matchTest({ match }: NftMatch, context: Context): Asked {
  const { op, left, right } = match;
  const special = reverseTest(match) ?? flagTest(left, op, right);
  if (special) return special;
  const name = keyName(left);
  if (op === '<' || op === '>' || op === '<=' || op === '>=') {
    const key = keyOf(left, context);
    if (key === 'other family') return { any: [] };
    return { any: [key.asks(bounded(op, right, key, name), false, undefined, context)] };
  }
  if (isNode(left) && 'numgen' in left) return chance(left.numgen, op, right);
  if (op === '!' && !/^ct (state|status)$/.test(name)) return lacks(`${name} !`);
  if (name === 'ct status' && op !== 'in' && op !== '!')
    return lacks(`ct status ${op}`, 'all of its bits at once have no words in iptables');
  const not = op === '!=' || op === '!';
  if (isNode(left) && 'concat' in left) {
    const elements = elementsOf(right, context) ?? [right];
    const alternatives = concatenated(
      left.concat,
      elements.map((one) => plainValue(one as NftExpression)),
      context,
    );
    return not ? { none: alternatives } : { any: alternatives };
  }
  // Bits of a state may be written without braces.
  const values = op === 'in' || op === '!' ? [right] : valuesOf(right, context);
  return familyTest(name, values, not, context) ?? typeTest(left, values, not) ?? equals(left, values, not, context);
}

const WHOLE = 2 ** 31;

/** `numgen inc mod 3 0`, `numgen random mod 10 < 3`. */
function chance(
  { mode, mod, offset = 0 }: { mode: string; mod: number; offset?: number },
  op: NftOperator,
  right: NftExpression,
): Asked {
  if (op !== '==' && op !== '<') return lacks(`numgen ${op}`);
  const value = numberOf(right) - offset;
  if (mode === 'inc' && op === '==')
    return {
      any: [[{ words: ['-m', 'statistic', '--mode', 'nth', '--every', String(mod), '--packet', String(value)] }]],
      counts: true,
    };
  const share = op === '<' ? value / mod : 1 / mod;
  if (mode === 'inc' || Math.round(share * WHOLE) / WHOLE !== share)
    return lacks(`numgen ${mode} mod ${mod}`, 'chances of iptables are parts of 2147483648');
  return { any: [[{ words: ['-m', 'statistic', '--mode', 'random', '--probability', String(share)] }]], counts: true };
}

const PERIODS: Readonly<Record<string, string>> = { second: 'sec', minute: 'min', hour: 'hour', day: 'day' };

/** Statements that count, and end the rule where there is too much. Undefined for others. */
export function limitTest(statement: NftStatement): Asked | undefined {
  if ('limit' in statement) {
    const { limit } = statement;
    if (typeof limit === 'string' || 'map' in limit) return lacks('limit name', 'iptables has no limits with names');
    const { rate, per = 'second', burst = 5, rate_unit: unit = 'packets', inv } = limit;
    const period = PERIODS[per];
    if (inv === true) return lacks('limit rate over', '-m limit holds below the rate only');
    if (unit !== 'packets' || period === undefined)
      return lacks(`limit rate ${rate} ${unit}/${per}`, '-m limit counts packets');
    return {
      any: [[{ words: ['-m', 'limit', '--limit', `${rate}/${period}`, '--limit-burst', String(burst)] }]],
      counts: true,
    };
  }
  if ('quota' in statement) {
    const { quota } = statement;
    if (typeof quota === 'string' || 'map' in quota) return lacks('quota name', 'iptables has no quotas with names');
    const unit = { bytes: 1, kbytes: 1024, mbytes: 1024 ** 2 }[quota.val_unit ?? 'bytes'] ?? 1;
    return {
      any: [[{ words: ['-m', 'quota', ...(quota.inv ? ['!'] : []), '--quota', String(quota.val * unit)] }]],
      counts: true,
    };
  }
  if ('ct count' in statement) {
    const { val, inv } = statement['ct count'];
    const option = inv ? '--connlimit-above' : '--connlimit-upto';
    return { any: [[{ words: ['-m', 'connlimit', option, String(val), '--connlimit-mask', '0'] }]], counts: true };
  }
  return undefined;
}
