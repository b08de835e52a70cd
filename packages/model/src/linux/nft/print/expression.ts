/** Expressions as text. */

import { NftRefusal } from '../base/refusal.ts';
import { printMilliseconds } from '../base/time.ts';
import { binaryOf } from '../evaluate/constant.ts';
import { NO_SETS, type SetTypes, shapeOfExpression } from '../evaluate/shape.ts';
import type { Part, Shape } from '../evaluate/term.ts';
import type { NftElement, NftExpression, NftFamily, NftRule, NftVerdict } from '../syntax.ts';
import { parseScalar, printScalar } from '../tables/codec.ts';
import { isText } from '../tables/datatypes.ts';
import { metaKeys } from '../tables/keys.ts';
import { printStatefulStatement } from './state.ts';

export interface PrintStyle {
  /** Of the table that a rule stands in. */
  family?: NftFamily;
  /** Counters and what is left of times are not told (`nft -s`). */
  stateless?: boolean;
  /** Protocols as numbers (`nft -p`). */
  numericProtocol?: boolean;
  /** Priorities of chains as numbers (`nft -y`). */
  numericPriority?: boolean;
  /** `# handle 12` behind what has a handle (`nft -a`). */
  handles?: boolean;
  /** Seconds that the node's time is ahead of UTC. */
  utcOffset?: number;
  /** Types of named sets that rules refer to. */
  sets?: SetTypes;
  /** What stands in the place of a rule: a comment; undefined for rules that are printed. */
  instead?(rule: NftRule): string | undefined;
}

const PRECEDENCE: Readonly<Record<string, number>> = { '<<': 1, '>>': 1, '&': 2, '^': 3, '|': 4 };

/** A name in quotes. */
export const quote = (text: string): string => `"${text}"`;

function scalar(given: string | number | boolean, part: Part | undefined, style: PrintStyle, plain = false): string {
  if (typeof given === 'boolean') return given ? 'exists' : 'missing';
  if (!part) return typeof given === 'number' || /^[\w.:/*-]+$/.test(given) ? String(given) : quote(given);
  if (isText(part.type)) {
    const index = typeof given === 'number' || (part.type.codec === 'interface' && /^\d+$/.test(given));
    return index ? String(given) : quote(given);
  }
  try {
    const value = parseScalar(given, part.type, style);
    if (typeof value === 'string') return quote(value);
    return printScalar(value, part.type, part.bits, { ...style, plain });
  } catch (error) {
    if (!(error instanceof NftRefusal)) throw error;
    return typeof given === 'number' || /^[\w.:/*-]+$/.test(given) ? String(given) : quote(given);
  }
}

function range(sides: readonly [NftExpression, NftExpression], part: Part | undefined, style: PrintStyle): string {
  return sides
    .map((side) =>
      typeof side === 'object' ? printValue(side, part ? [part] : [], style) : scalar(side, part, style, true),
    )
    .join('-');
}

/** A value in the type of what it is compared with or put into. */
export function printValue(node: NftExpression, shape: Shape, style: PrintStyle = {}): string {
  const [part] = shape;
  if (typeof node === 'string' && node.startsWith('@')) return node;
  if (node === '*') return '*';
  if (typeof node !== 'object') return scalar(node, part, style);
  if (Array.isArray(node)) return node.map((entry) => printValue(entry, shape, style)).join(',');
  if ('range' in node) return range(node.range, part, style);
  if ('prefix' in node) return `${printValue(node.prefix.addr, shape, style)}/${node.prefix.len}`;
  if ('concat' in node)
    return node.concat.map((entry, index) => printValue(entry, shape[index] ? [shape[index]] : [], style)).join(' . ');
  if ('set' in node)
    return printSet(Array.isArray(node.set) ? (node.set as NftElement[]) : [node.set], shape, undefined, style);
  if ('elem' in node) return printElement(node, shape, undefined, style);
  const binary = binaryOf(node);
  if (binary) return printBinary(binary, shape, style);
  return printExpression(node, style, shape);
}

function printBinary(binary: NonNullable<ReturnType<typeof binaryOf>>, shape: Shape, style: PrintStyle): string {
  const { operator, left, right } = binary;
  const own = shape.length > 0 ? shape : shapeOfExpression(left, style.sets ?? NO_SETS);
  const side = (node: NftExpression, as: Shape): string => {
    const inner = binaryOf(node);
    const text = printValue(node, as, style);
    return inner && (PRECEDENCE[operator] ?? 0) < (PRECEDENCE[inner.operator] ?? 0) ? `(${text})` : text;
  };
  const shift = operator === '<<' || operator === '>>';
  return `${side(left, own)} ${operator} ${side(right, shift ? [] : own)}`;
}

export function printVerdict(verdict: NftVerdict): string {
  if ('jump' in verdict) return `jump ${verdict.jump.target}`;
  if ('goto' in verdict) return `goto ${verdict.goto.target}`;
  return Object.keys(verdict)[0] ?? '';
}

function isVerdict(node: NftExpression): node is NftVerdict {
  return (
    typeof node === 'object' &&
    !Array.isArray(node) &&
    ('accept' in node || 'drop' in node || 'continue' in node || 'return' in node || 'jump' in node || 'goto' in node)
  );
}

/** One element; `data`: types of a map's values. */
export function printElement(element: NftElement, shape: Shape, data: Shape | undefined, style: PrintStyle): string {
  if (data !== undefined && Array.isArray(element) && element.length === 2) {
    const [key, value] = element as [NftExpression, NftExpression];
    return `${printElement(key, shape, undefined, style)} : ${isVerdict(value) ? printVerdict(value) : printValue(value, data, style)}`;
  }
  const node = element as NftExpression;
  if (typeof node !== 'object' || Array.isArray(node) || !('elem' in node)) return printValue(node, shape, style);
  const { val, timeout, expires, comment, ...states } = node.elem;
  const parts = [printValue(val, shape, style)];
  for (const [kind, state] of Object.entries(states)) {
    const text = printStatefulStatement({ [kind]: state } as Parameters<typeof printStatefulStatement>[0], style);
    if (text !== undefined) parts.push(text);
  }
  if (timeout !== undefined) parts.push(`timeout ${printMilliseconds(timeout * 1000)}`);
  if (expires !== undefined && style.stateless !== true) parts.push(`expires ${printMilliseconds(expires * 1000)}`);
  if (comment !== undefined) parts.push(`comment ${quote(comment)}`);
  return parts.join(' ');
}

function printSet(elements: readonly NftElement[], shape: Shape, data: Shape | undefined, style: PrintStyle): string {
  return `{ ${elements.map((element) => printElement(element, shape, data, style)).join(', ')} }`;
}

/** What `map` and `vmap` look up; `values`: types of what the map gives. */
export function printMap(
  word: 'map' | 'vmap',
  key: NftExpression,
  data: NftExpression,
  values: Shape,
  style: PrintStyle,
): string {
  const shape = shapeOfExpression(key, style.sets);
  const left = printValue(key, shape, style);
  if (typeof data === 'object' && !Array.isArray(data) && 'set' in data) {
    const elements = Array.isArray(data.set) ? (data.set as NftElement[]) : [data.set];
    return `${left} ${word} ${printSet(elements, shape, values, style)}`;
  }
  return `${left} ${word} ${printValue(data, shape, style)}`;
}

function optionText(word: string, at: { name: string; field?: string }): string {
  return `${word} ${at.name}${at.field === undefined ? '' : ` ${at.field}`}`;
}

function tcpOption(at: { name: string; field?: string } | { base: number; offset: number; len: number }): string {
  if ('name' in at) return optionText('tcp option', at);
  return `tcp option @${at.base},${at.offset},${at.len}`;
}

/** An option of TCP as a whole: where it is asked for, or taken out. */
export function wholeOption(node: NftExpression): string | undefined {
  if (typeof node !== 'object' || Array.isArray(node) || !('tcp option' in node)) return undefined;
  const at = node['tcp option'];
  return 'base' in at && at.offset === 0 && at.len === 8 ? `tcp option ${at.base}` : undefined;
}

const list = (flags: string | string[]): string[] => (typeof flags === 'string' ? [flags] : flags);
const more = (word: string, value: number | undefined): string => (value ? ` ${word} ${value}` : '');

/** An expression that reads something; `values`: types of what a map in it gives. */
export function printExpression(node: NftExpression, style: PrintStyle = {}, values: Shape = []): string {
  if (typeof node !== 'object' || Array.isArray(node)) return printValue(node, values, style);
  if ('payload' in node) {
    const at = node.payload;
    return 'protocol' in at ? `${at.protocol} ${at.field}` : `@${at.base},${at.offset},${at.len}`;
  }
  if ('meta' in node) return metaKeys[node.meta.key]?.bare === true ? node.meta.key : `meta ${node.meta.key}`;
  if ('ct' in node) {
    const { key, dir, family } = node.ct;
    return ['ct', dir, family, key].filter((word) => word !== undefined).join(' ');
  }
  if ('exthdr' in node) {
    const { name, field, offset } = node.exthdr;
    if (field === undefined) return `exthdr ${name}`;
    return `${name} ${field === 'addr' && offset !== undefined ? `addr[${offset + 1}]` : field}`;
  }
  if ('tcp option' in node) return tcpOption(node['tcp option']);
  if ('ip option' in node) return optionText('ip option', node['ip option']);
  if ('sctp chunk' in node) return optionText('sctp chunk', node['sctp chunk']);
  if ('rt' in node) return ['rt', node.rt.family, node.rt.key].filter((word) => word !== undefined).join(' ');
  if ('socket' in node)
    return `socket ${node.socket.key}${node.socket.key === 'cgroupv2' ? ` level ${node.socket.level ?? 0}` : ''}`;
  if ('osf' in node) return `osf ${node.osf.ttl === undefined ? '' : `ttl ${node.osf.ttl} `}${node.osf.key}`;
  if ('ipsec' in node) {
    const { dir, spnum, family, key } = node.ipsec;
    return [`ipsec ${dir}${more('spnum', spnum)}`, family, key].filter((word) => word !== undefined).join(' ');
  }
  if ('fib' in node) return `fib ${list(node.fib.flags).join(' . ')} ${node.fib.result}`;
  if ('numgen' in node) return `numgen ${node.numgen.mode} mod ${node.numgen.mod}${more('offset', node.numgen.offset)}`;
  if ('symhash' in node) return `symhash mod ${node.symhash.mod}${more('offset', node.symhash.offset)}`;
  if ('jhash' in node) {
    const { expr, mod, seed, offset } = node.jhash;
    const seeded = seed === undefined ? '' : ` seed 0x${seed.toString(16)}`;
    return `jhash ${printExpression(expr, style)} mod ${mod}${seeded}${more('offset', offset)}`;
  }
  if ('map' in node) return printMap('map', node.map.key, node.map.data, values, style);
  if (isVerdict(node)) return printVerdict(node);
  return printValue(node, values, style);
}
