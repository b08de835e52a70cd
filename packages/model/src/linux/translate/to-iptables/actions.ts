/** Statements that do something, as targets of iptables. */

import { REJECT_CODES } from '../../iptables/base/reject-codes.ts';
import type {
  NftExpression,
  NftLog,
  NftMangle,
  NftNat,
  NftNatPort,
  NftQueue,
  NftReject,
  NftStatement,
} from '../../nft/syntax.ts';
import { parseScalar } from '../../nft/tables/codec.ts';
import { types } from '../../nft/tables/datatypes.ts';
import { type Context, lacks, type Reads } from './head.ts';
import { isNode, keyName } from './tests.ts';
import { addressOf, hex, numberOf, numbersOf, textOf } from './values.ts';

export interface Target {
  /** From `-j` or `-g` on. */
  words: string[];
  /** The packet meets no further rule of this chain. */
  ends: boolean;
  protocol?: number;
  /** What tests of the same rule might find otherwise afterwards. */
  writes?: Reads;
  /** It is a chain of the user's own. */
  calls?: true;
  /** Back to the calling chain, or on from there: another thing in a chain of its own. */
  leaves?: true;
}

/** Undefined: packets of this family are not meant. */
export type Done = Target | 'nothing' | 'other family';

const verdict = (...words: string[]): Target => ({ words, ends: true });

function verdictTarget(statement: NftStatement): Target | 'nothing' | undefined {
  if ('accept' in statement) return verdict('-j', 'ACCEPT');
  if ('drop' in statement) return verdict('-j', 'DROP');
  if ('return' in statement) return { ...verdict('-j', 'RETURN'), leaves: true };
  if ('jump' in statement) return { words: ['-j', statement.jump.target], ends: false, calls: true };
  if ('goto' in statement) return { ...verdict('-g', statement.goto.target), leaves: true };
  return 'continue' in statement ? 'nothing' : undefined;
}

/** Codes of both families: no route, port unreachable, host unreachable, prohibited. */
const EITHER: readonly (readonly [icmp: number, icmpv6: number])[] = [
  [0, 0],
  [3, 4],
  [1, 3],
  [13, 1],
];

function reject({ reject: given }: NftReject, { family }: Context): Done {
  if (given?.type === 'tcp reset') return { ...verdict('-j', 'REJECT', '--reject-with', 'tcp-reset'), protocol: 6 };
  const six = family === 'ip6';
  const own = six ? 'icmpv6' : 'icmp';
  let code = six ? 4 : 3;
  if (given?.type === 'icmpx' && given.expr !== undefined)
    code = EITHER[numberOf(given.expr, types.icmpxCode)]?.[six ? 1 : 0] ?? lacks('reject with icmpx');
  else if (given?.expr !== undefined) {
    if (given.type !== own) return 'other family';
    code = numberOf(given.expr, six ? types.icmpv6Code : types.icmpCode);
  }
  const name = REJECT_CODES[own][code];
  return name === undefined ? lacks(`reject with ${own} code ${code}`) : verdict('-j', 'REJECT', '--reject-with', name);
}

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const LOG_FLAGS: Readonly<Record<string, string[]>> = {
  'tcp sequence': ['--log-tcp-sequence'],
  'tcp options': ['--log-tcp-options'],
  'ip options': ['--log-ip-options'],
  skuid: ['--log-uid'],
  ether: ['--log-macdecode'],
  all: ['--log-tcp-sequence', '--log-tcp-options', '--log-ip-options', '--log-uid', '--log-macdecode'],
};

function log({ log: given }: NftLog): Target {
  const { prefix, group, snaplen, level, flags = [], 'queue-threshold': threshold } = given ?? {};
  const option = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [name, String(value)];
  if (group !== undefined) {
    const words = [...option('--nflog-group', group), ...option('--nflog-prefix', prefix)];
    const sizes = [...option('--nflog-size', snaplen), ...option('--nflog-threshold', threshold)];
    return { words: ['-j', 'NFLOG', ...words, ...sizes], ends: false };
  }
  if (level === 'audit') return lacks('log level audit');
  const at = level === undefined ? -1 : LEVELS.indexOf(level);
  const named = [flags].flat().flatMap((flag) => LOG_FLAGS[flag] ?? lacks(`log flags ${flag}`));
  const words = [...option('--log-prefix', prefix), ...option('--log-level', at < 0 ? undefined : at), ...named];
  return { words: ['-j', 'LOG', ...words], ends: false };
}

function queue({ queue: given }: NftQueue): Target {
  const { num = 0, flags = [] } = given ?? {};
  const { from, to } = numbersOf(num);
  const range = from === to ? ['--queue-num', String(from)] : ['--queue-balance', `${from}:${to}`];
  const named = [flags].flat().map((flag) => (flag === 'fanout' ? '--queue-cpu-fanout' : '--queue-bypass'));
  return verdict('-j', 'NFQUEUE', ...range, ...named);
}

const isRead = (node: NftExpression | undefined): boolean => isNode(node) && !('range' in node) && !('prefix' in node);

function portsWord(port: NftExpression): string {
  const { from, to } = numbersOf(port, types.service);
  return from === to ? String(from) : `${from}-${to}`;
}

const NAT_FLAGS: Readonly<Record<string, string>> = {
  random: '--random',
  'fully-random': '--random-fully',
  persistent: '--persistent',
};

const flagWords = (flags: string | string[] | undefined): string[] =>
  [flags ?? []].flat().map((flag) => NAT_FLAGS[flag] ?? lacks(flag));

function nat(name: 'SNAT' | 'DNAT', given: NftNat, { family }: Context): Done {
  const { addr, port, flags } = given;
  if (given.family !== undefined && given.family !== family) return 'other family';
  if ((given.type_flags ?? []).length > 0) return lacks(`${name.toLowerCase()} ${String(given.type_flags)} to`);
  if (isRead(addr) || isRead(port)) return lacks(`${name.toLowerCase()} to ${keyName(addr ?? port ?? '')}`);
  const found = addr === undefined ? '' : addressOf(addr);
  const text = typeof found === 'object' ? `${found.from}-${found.to}` : found;
  if (text !== '' && text.includes(':') !== (family === 'ip6')) return 'other family';
  if (text.includes('/')) return lacks(`${name.toLowerCase()} to ${text}`, 'a network is no range of addresses here');
  const host = text.includes(':') && port !== undefined ? `[${text}]` : text;
  const to = `${host}${port === undefined ? '' : `:${portsWord(port)}`}`;
  const option = name === 'SNAT' ? '--to-source' : '--to-destination';
  return verdict('-j', name, option, to, ...flagWords(flags));
}

function portNat(name: 'MASQUERADE' | 'REDIRECT', given: NftNatPort | null): Target {
  const { port, flags } = given ?? {};
  if (isRead(port)) return lacks(`${name.toLowerCase()} to ${keyName(port ?? '')}`);
  const ports = port === undefined ? [] : ['--to-ports', portsWord(port)];
  return verdict('-j', name, ...ports, ...flagWords(flags));
}

const ALL = 0xffff_ffff;

/** `(own & mask) ^ xor`, read from nested operators; undefined where anything else is read. */
function masked(value: NftExpression, own: string): { mask: number; xor: number } | undefined {
  if (!isNode(value)) return undefined;
  if (keyName(value) === own) return { mask: ALL, xor: 0 };
  for (const operator of ['&', '|', '^'] as const) {
    const sides = (value as Partial<Record<'&' | '|' | '^', NftExpression[]>>)[operator];
    const [left, right] = sides ?? [];
    if (left === undefined || right === undefined) continue;
    const inner = masked(left, own);
    if (!inner) return undefined;
    const bits = numberOf(right, types.mark);
    if (operator === '&') return { mask: (inner.mask & bits) >>> 0, xor: (inner.xor & bits) >>> 0 };
    if (operator === '^') return { mask: inner.mask, xor: (inner.xor ^ bits) >>> 0 };
    return { mask: (inner.mask & ~bits) >>> 0, xor: ((inner.xor & ~bits) | bits) >>> 0 };
  }
  return undefined;
}

function setMark(target: 'mark' | 'ct mark', value: NftExpression): Target {
  const [own, other] = target === 'mark' ? ['meta mark', 'ct mark'] : ['ct mark', 'meta mark'];
  const name = target === 'mark' ? 'MARK' : 'CONNMARK';
  const kept = masked(value, own);
  const ends = false;
  if (kept)
    return { words: ['-j', name, '--set-xmark', `${hex(kept.xor)}/${hex(~kept.mask >>> 0)}`], ends, writes: target };
  const copied = masked(value, other);
  if (copied) {
    if (copied.xor !== 0) return lacks(`${target} set ${other} with bits changed`);
    const [mine, theirs] = target === 'mark' ? ['--nfmask', '--ctmask'] : ['--ctmask', '--nfmask'];
    const moves = target === 'mark' ? '--restore-mark' : '--save-mark';
    return { words: ['-j', 'CONNMARK', moves, theirs, hex(copied.mask), mine, hex(ALL)], ends, writes: target };
  }
  if (isNode(value)) return lacks(`${target} set ${keyName(value)}`);
  return {
    words: ['-j', name, '--set-xmark', `${hex(numberOf(value, types.mark))}/${hex(ALL)}`],
    ends,
    writes: target,
  };
}

function classify(value: NftExpression): Target {
  const number = parseScalar(value as string | number, types.classid);
  if (typeof number !== 'bigint') return lacks('meta priority set');
  const text = `${(number >> 16n).toString(16)}:${(number & 0xffffn).toString(16)}`;
  return { words: ['-j', 'CLASSIFY', '--set-class', text], ends: false };
}

function mangle({ mangle: { key, value } }: NftMangle, { family }: Context): Done {
  const name = keyName(key);
  const header = { ends: false, writes: 'header' } as const;
  switch (name) {
    case 'meta mark':
      return setMark('mark', value);
    case 'ct mark':
      return setMark('ct mark', value);
    case 'meta nftrace':
      return { words: ['-j', 'TRACE'], ends: false };
    case 'meta priority':
      return classify(value);
    case 'tcp option maxseg size': {
      const how = isNode(value) && 'rt' in value ? ['--clamp-mss-to-pmtu'] : ['--set-mss', String(numberOf(value))];
      return { words: ['-j', 'TCPMSS', ...how], ...header, protocol: 6 };
    }
    case 'ip dscp':
    case 'ip6 dscp':
      if (!name.startsWith(`${family} `)) return 'other family';
      return { words: ['-j', 'DSCP', '--set-dscp', hex(numberOf(value, types.dscp))], ...header };
    case 'ip ttl':
      return family === 'ip'
        ? { words: ['-j', 'TTL', '--ttl-set', String(numberOf(value))], ...header }
        : 'other family';
    case 'ip6 hoplimit':
      return family === 'ip6'
        ? { words: ['-j', 'HL', '--hl-set', String(numberOf(value))], ...header }
        : 'other family';
    case 'ct zone':
    case 'ct original zone':
    case 'ct reply zone': {
      const option = { 'ct zone': '--zone', 'ct original zone': '--zone-orig', 'ct reply zone': '--zone-reply' }[name];
      return { words: ['-j', 'CT', option, String(numberOf(value))], ends: false, writes: 'state' };
    }
    default:
      return lacks(`${name} set`);
  }
}

/** Undefined for a statement that asks instead. */
export function actionOf(statement: NftStatement, context: Context): Done | undefined {
  const plain = verdictTarget(statement);
  if (plain) return plain;
  if ('counter' in statement) {
    const { counter } = statement;
    if (typeof counter === 'string' || (counter !== null && 'map' in counter))
      return lacks('counter name', 'iptables has no counters with names');
    return 'nothing';
  }
  if ('reject' in statement) return reject(statement, context);
  if ('log' in statement) return log(statement);
  if ('queue' in statement) return queue(statement);
  if ('snat' in statement) return nat('SNAT', statement.snat, context);
  if ('dnat' in statement) return nat('DNAT', statement.dnat, context);
  if ('masquerade' in statement) return portNat('MASQUERADE', statement.masquerade);
  if ('redirect' in statement) return portNat('REDIRECT', statement.redirect);
  if ('notrack' in statement) return { words: ['-j', 'CT', '--notrack'], ends: false, writes: 'state' };
  if ('mangle' in statement) return mangle(statement, context);
  if ('xt' in statement) {
    const { type = 'match', name = '' } = statement.xt ?? {};
    return lacks(`xt ${type} "${name}"`, 'nft does not list what an extension of iptables asks');
  }
  if ('dup' in statement) {
    const { addr, dev } = statement.dup;
    const device = dev === undefined ? [] : ['--oif', textOf(dev)];
    return { words: ['-j', 'TEE', '--gateway', textOf(addr), ...device], ends: false };
  }
  return undefined;
}
