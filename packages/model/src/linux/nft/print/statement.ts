/** Statements as text, as `nft list` prints them. */
import { binaryOf } from '../evaluate/constant.ts';
import { shapeOfExpression } from '../evaluate/shape.ts';
import type { Part, Shape } from '../evaluate/term.ts';
import type { NftExpression, NftLog, NftMatch, NftNat, NftReject, NftStatement } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { ctKeys, metaKeys } from '../tables/keys.ts';
import {
  type PrintStyle,
  printElement,
  printExpression,
  printMap,
  printValue,
  printVerdict,
  quote,
  wholeOption,
} from './expression.ts';
import { printName, printStatefulStatement } from './state.ts';

const PORT: Shape = [{ type: types.service, bits: 16 }];
const DEVICE: Shape = [{ type: types.interfaceIndex, bits: 32 }];
const IPV4: Part = { type: types.ipv4, bits: 32 };
const IPV6: Part = { type: types.ipv6, bits: 128 };

const list = (flags: string | readonly string[] | undefined): readonly string[] =>
  flags === undefined ? [] : typeof flags === 'string' ? [flags] : flags;

/** One flag that is asked for, and nothing else: `flags & syn == syn`. */
function isSame(mask: NftExpression, right: NftExpression): boolean {
  return !Array.isArray(mask) && JSON.stringify(mask) === JSON.stringify(right);
}

function printMatch({ op, left, right }: NftMatch['match'], style: PrintStyle): string {
  const shape = typeof right === 'boolean' ? [{ type: types.boolean, bits: 1 }] : shapeOfExpression(left, style.sets);
  const binary = binaryOf(left);
  const flags = shape[0]?.type.bitmask === true;
  if (binary?.operator === '&' && flags && (op === '==' || op === '!=') && !isSame(binary.right, right)) {
    const test = `${printValue(right, shape, style)} / ${printValue(binary.right, shape, style)}`;
    return `${printExpression(binary.left, style)} ${op === '!=' ? '!= ' : ''}${test}`;
  }
  const value = printValue(right, shape, style);
  const single = typeof right !== 'object' && !(typeof right === 'string' && right.startsWith('@'));
  const shown = op === 'in' || (op === '==' && !binary && !(flags && single)) ? '' : `${op} `;
  const whole = typeof right === 'boolean' ? wholeOption(left) : undefined;
  return `${whole ?? printValue(left, shape, style)} ${shown}${value}`;
}

function printLog({ log }: NftLog): string {
  const parts = ['log'];
  if (log === null) return 'log';
  if (log.prefix !== undefined) parts.push(`prefix ${quote(log.prefix)}`);
  if (log.group !== undefined) parts.push(`group ${log.group}`);
  if (log.snaplen !== undefined) parts.push(`snaplen ${log.snaplen}`);
  if (log['queue-threshold'] !== undefined) parts.push(`queue-threshold ${log['queue-threshold']}`);
  if (log.level !== undefined && log.level !== 'warn') parts.push(`level ${log.level}`);
  const flags = list(log.flags);
  const tcp = flags.filter((flag) => flag.startsWith('tcp ')).map((flag) => flag.slice(4));
  if (tcp.length > 0) parts.push(`flags tcp ${tcp.join(',')}`);
  for (const flag of flags) if (!flag.startsWith('tcp ')) parts.push(`flags ${flag}`);
  return parts.join(' ');
}

/** The answer that a bare `reject` gives in this family is not written out. */
function printReject({ reject }: NftReject, style: PrintStyle): string {
  if (reject === null || reject.type === undefined) return 'reject';
  const own = style.family === 'ip' ? 'icmp' : style.family === 'ip6' ? 'icmpv6' : 'icmpx';
  if (reject.type === own && reject.expr === 'port-unreachable') return 'reject';
  if (reject.type === 'tcp reset') return 'reject with tcp reset';
  const type = { icmp: types.icmpCode, icmpv6: types.icmpv6Code, icmpx: types.icmpxCode }[reject.type];
  return reject.expr === undefined
    ? 'reject'
    : `reject with ${reject.type} ${printValue(reject.expr, [{ type, bits: 8 }])}`;
}

/** Addresses of IPv6 stand in brackets before a port. */
function bracketed(addr: NftExpression, family: 'ip' | 'ip6', style: PrintStyle): string {
  const shape = [family === 'ip' ? IPV4 : IPV6];
  if (family === 'ip') return printValue(addr, shape, style);
  if (typeof addr === 'string') return `[${printValue(addr, shape, style)}]`;
  if (typeof addr === 'object' && !Array.isArray(addr) && 'range' in addr)
    return addr.range.map((side) => `[${printValue(side, shape, style)}]`).join('-');
  return printValue(addr, shape, style);
}

/** Family of an address, by how it is written where the statement does not say. */
function familyOf(addr: NftExpression | undefined, said: 'ip' | 'ip6' | undefined): 'ip' | 'ip6' {
  if (said !== undefined) return said;
  return JSON.stringify(addr ?? '').includes('::') || /[0-9a-f]:[0-9a-f]{1,4}:/i.test(JSON.stringify(addr ?? ''))
    ? 'ip6'
    : 'ip';
}

function natFlags(flags: string | string[] | undefined): string {
  const shown = list(flags).filter((flag) => flag !== 'netmap');
  return shown.length === 0 ? '' : ` ${shown.join(',')}`;
}

function printNat(word: string, nat: NftNat, style: PrintStyle): string {
  const family = nat.addr === undefined || nat.family === undefined ? '' : ` ${nat.family}`;
  const prefix = list(nat.type_flags).includes('prefix') ? ' prefix' : '';
  let text = `${word}${family}${prefix}`;
  if (nat.addr !== undefined || nat.port !== undefined) text += ' to';
  if (nat.addr !== undefined) {
    const version = familyOf(nat.addr, nat.family);
    const shape: Shape = [version === 'ip' ? IPV4 : IPV6, ...PORT];
    text += ` ${nat.port === undefined ? printValue(nat.addr, shape, style) : bracketed(nat.addr, version, style)}`;
  }
  if (nat.port !== undefined) text += `${nat.addr === undefined ? ' ' : ''}:${printValue(nat.port, PORT, style)}`;
  return `${text}${natFlags(nat.flags)}`;
}

function printTproxy(given: Extract<NftStatement, { tproxy: unknown }>['tproxy'], style: PrintStyle): string {
  const { family, addr, port } = given;
  let text = `tproxy${family === undefined ? '' : ` ${family}`} to`;
  if (addr !== undefined) {
    const version = familyOf(addr, family);
    text += ` ${version === 'ip6' && typeof addr === 'string' ? `[${printValue(addr, [IPV6], style)}]` : printValue(addr, [version === 'ip' ? IPV4 : IPV6], style)}`;
  }
  if (port !== undefined) text += `${addr === undefined ? ' ' : ''}:${printValue(port, PORT, style)}`;
  return text;
}

function printMangle(key: NftExpression, value: NftExpression, style: PrintStyle): string {
  const node = typeof key === 'object' && !Array.isArray(key) ? key : undefined;
  const known =
    node && 'meta' in node ? metaKeys[node.meta.key] : node && 'ct' in node ? ctKeys[node.ct.key] : undefined;
  const shape: Shape = known ? [{ type: known.type, bits: known.bits }] : shapeOfExpression(key, style.sets);
  return `${printExpression(key, style)} set ${printValue(value, shape, style)}`;
}

function printStates(states: readonly NftStatement[] | undefined, style: PrintStyle): string {
  return (states ?? []).map((state) => ` ${printStatement(state, { ...style, stateless: true })}`).join('');
}

function dynamicKey(elem: NftExpression, style: PrintStyle): string {
  return printElement(elem, shapeOfExpression(elem, style.sets), undefined, style);
}

function printSynproxy(values: { mss?: number; wscale?: number; flags?: string | string[] } | null): string {
  const parts = ['synproxy'];
  if (values?.mss !== undefined) parts.push(`mss ${values.mss}`);
  if (values?.wscale !== undefined) parts.push(`wscale ${values.wscale}`);
  return [...parts, ...list(values?.flags)].join(' ');
}

function printOther(statement: NftStatement, style: PrintStyle): string {
  if ('dup' in statement) {
    const { addr, dev } = statement.dup;
    const shape = dev === undefined && isDevice(addr) ? DEVICE : [familyOf(addr, undefined) === 'ip' ? IPV4 : IPV6];
    return `dup to ${printValue(addr, shape, style)}${dev === undefined ? '' : ` device ${printValue(dev, DEVICE, style)}`}`;
  }
  if ('fwd' in statement) {
    const { dev, family, addr } = statement.fwd;
    const device = printValue(dev, DEVICE, style);
    if (addr === undefined) return `fwd to ${device}`;
    return `fwd ${family ?? 'ip'} to ${printValue(addr, [family === 'ip6' ? IPV6 : IPV4], style)} device ${device}`;
  }
  if ('queue' in statement) {
    const flags = list(statement.queue?.flags);
    const words = flags.length === 0 ? '' : ` flags ${flags.join(',')}`;
    return `queue${words} to ${printValue(statement.queue?.num ?? 0, [{ type: types.integer, bits: 16 }], style)}`;
  }
  if ('meter' in statement) {
    const { name, key, stmt, size } = statement.meter;
    return `meter ${name} size ${size ?? 0} { ${dynamicKey(key, style)}${printStates([stmt], style)} }`;
  }
  if ('flow' in statement) return `flow add ${statement.flow.flowtable}`;
  if ('reset' in statement) return `reset ${wholeOption(statement.reset) ?? printExpression(statement.reset, style)}`;
  if ('xt' in statement) return statement.xt === null ? 'xt' : `xt ${statement.xt.type} ${statement.xt.name}`;
  if ('notrack' in statement) return 'notrack';
  return printVerdict(statement as Parameters<typeof printVerdict>[0]);
}

/** Without a device of its own, an address that is none names a link. */
function isDevice(addr: NftExpression): boolean {
  const text = JSON.stringify(addr);
  return !/\d+\.\d+\.\d+\.\d+|::|saddr|daddr|[0-9a-f]+:[0-9a-f]+:/i.test(text);
}

function printGrowth(statement: NftStatement, style: PrintStyle): string | undefined {
  if ('set' in statement) {
    const { op, elem, set, stmt } = statement.set;
    return `${op} ${set} { ${dynamicKey(elem, style)}${printStates(stmt, style)} }`;
  }
  if ('map' in statement) {
    const { op, elem, data, map, stmt } = statement.map;
    const values = style.sets?.data(map.slice(1)) ?? [];
    return `${op} ${map} { ${dynamicKey(elem, style)}${printStates(stmt, style)} : ${printValue(data, values, style)} }`;
  }
  return undefined;
}

export function printStatement(statement: NftStatement, style: PrintStyle = {}): string {
  if ('match' in statement) return printMatch(statement.match, style);
  if ('vmap' in statement) return printMap('vmap', statement.vmap.key, statement.vmap.data, [], style);
  const state = printStatefulStatement(statement, style) ?? printGrowth(statement, style);
  if (state !== undefined) return state;
  if ('mangle' in statement) return printMangle(statement.mangle.key, statement.mangle.value, style);
  if ('log' in statement) return printLog(statement);
  if ('reject' in statement) return printReject(statement, style);
  if ('snat' in statement) return printNat('snat', statement.snat, style);
  if ('dnat' in statement) return printNat('dnat', statement.dnat, style);
  if ('masquerade' in statement) return printNat('masquerade', statement.masquerade ?? {}, style);
  if ('redirect' in statement) return printNat('redirect', statement.redirect ?? {}, style);
  if ('tproxy' in statement) return printTproxy(statement.tproxy, style);
  if ('ct helper' in statement) return `ct helper set ${printName(statement['ct helper'], style)}`;
  if ('ct timeout' in statement) return `ct timeout set ${printName(statement['ct timeout'], style)}`;
  if ('ct expectation' in statement) return `ct expectation set ${printName(statement['ct expectation'], style)}`;
  if ('secmark' in statement) return `meta secmark set ${printName(statement.secmark, style)}`;
  if ('synproxy' in statement) {
    const { synproxy } = statement;
    if (typeof synproxy === 'string' || (synproxy !== null && 'map' in synproxy))
      return `synproxy name ${printName(synproxy, style)}`;
    return printSynproxy(synproxy);
  }
  return printOther(statement, style);
}

/** A rule's statements and comment on one line. */
export function printRuleBody(
  rule: { expr: readonly NftStatement[]; comment?: string },
  style: PrintStyle = {},
): string {
  const parts = rule.expr.map((statement) => printStatement(statement, style));
  if (rule.comment !== undefined) parts.push(`comment ${quote(rule.comment)}`);
  return parts.join(' ');
}
