/** Sets, chains and stateful objects as `nft list ruleset` prints them. */

import { printMilliseconds } from '../base/time.ts';
import { TIMEOUT_STATES } from '../evaluate/object.ts';
import { NAME_SHAPE, shapeOfSetType } from '../evaluate/shape.ts';
import { inUnits } from '../evaluate/state.ts';
import type { Shape } from '../evaluate/term.ts';
import type { NftChain, NftFlowtable, NftMap, NftObject, NftSet, NftSetType } from '../syntax.ts';
import { printPriority } from '../tables/priorities.ts';
import { type PrintStyle, printElement, printExpression, quote } from './expression.ts';
import { printRate } from './state.ts';
import { printStatement } from './statement.ts';

const list = (flags: string | readonly string[] | undefined): readonly string[] =>
  flags === undefined ? [] : typeof flags === 'string' ? [flags] : flags;

export function printHandle(handle: number | undefined, style: PrintStyle): string {
  return style.handles === true && handle !== undefined ? ` # handle ${handle}` : '';
}

/** Types of which several elements stand on one line, and how many. */
const PER_LINE: Readonly<Record<string, number>> = {
  nf_proto: 5,
  integer: 5,
  arp_op: 5,
  inet_proto: 5,
  inet_service: 5,
  tcp_flag: 5,
  dccp_pkttype: 5,
  mark: 5,
  iface_index: 5,
  classid: 5,
  uid: 5,
  gid: 5,
  ct_dir: 5,
  ipv4_addr: 2,
  ct_state: 2,
  ct_status: 2,
  pkt_type: 2,
};

const SET_FLAGS = ['constant', 'dynamic', 'interval', 'timeout'];
const OBJECTS = ['counter', 'quota', 'limit', 'secmark', 'synproxy', 'ct helper', 'ct timeout', 'ct expectation'];

function typeText(type: NftSetType): string {
  if (typeof type === 'string') return type;
  return Array.isArray(type) ? type.join(' . ') : printExpression(type.typeof);
}

function typeLine(set: NftSet | NftMap): string {
  const word = typeof set.type === 'object' && !Array.isArray(set.type) ? 'typeof' : 'type';
  const head = `${word} ${typeText(set.type)}`;
  if (!('map' in set)) return head;
  return `${head} : ${set.interval === true ? 'interval ' : ''}${typeText(set.map)}`;
}

function dataShape(set: NftSet | NftMap): Shape | undefined {
  if (!('map' in set)) return undefined;
  if (typeof set.map === 'string' && OBJECTS.includes(set.map)) return NAME_SHAPE;
  return set.map === 'verdict' ? [] : (shapeOfSetType(set.map) ?? []);
}

function elementsText(set: NftSet | NftMap, style: PrintStyle): string {
  const shape = shapeOfSetType(set.type) ?? [];
  const data = dataShape(set);
  const perLine = (shape.length === 1 && PER_LINE[shape[0]?.type.name ?? '']) || 1;
  const parts: string[] = [];
  for (const [index, element] of (set.elem ?? []).entries()) {
    if (index > 0) parts.push(index % perLine === 0 ? ',\n\t\t\t     ' : ', ');
    parts.push(printElement(element, shape, data, style));
  }
  return `elements = { ${parts.join('')} }`;
}

function setLines(set: NftSet | NftMap, style: PrintStyle): string[] {
  const lines = [typeLine(set)];
  const given = list(set.flags);
  if (!given.includes('constant')) {
    if (set.policy === 'memory') lines.push('policy memory');
    if (set.size !== undefined) lines.push(`size ${set.size}`);
  }
  const told = set.timeout === undefined ? given : given.filter((flag) => flag !== 'timeout');
  const flags = told.length === 0 ? [] : SET_FLAGS.filter((flag) => given.includes(flag));
  if (flags.length > 0) lines.push(`flags ${flags.join(',')}`);
  if (set.stmt && set.stmt.length > 0)
    lines.push(set.stmt.map((state) => printStatement(state, { ...style, stateless: true })).join(' '));
  if (set['auto-merge'] === true) lines.push('auto-merge');
  if (set.timeout !== undefined) lines.push(`timeout ${printMilliseconds(set.timeout * 1000)}`);
  if (set['gc-interval'] !== undefined) lines.push(`gc-interval ${printMilliseconds(set['gc-interval'] * 1000)}`);
  if (set.comment !== undefined) lines.push(`comment ${quote(set.comment)}`);
  if (set.elem && set.elem.length > 0) lines.push(elementsText(set, style));
  return lines;
}

function block(head: string, handle: number | undefined, lines: readonly string[], style: PrintStyle): string {
  return `\t${head} {${printHandle(handle, style)}\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

export function printSetBlock(kind: 'set' | 'map' | 'meter', set: NftSet | NftMap, style: PrintStyle): string {
  return block(`${kind} ${set.name}`, set.handle, setLines(set, style), style);
}

export function printFlowtable(table: NftFlowtable, style: PrintStyle): string {
  const lines = [
    `hook ${table.hook} priority ${printPriority(table.prio, 'netdev', table.hook, style.numericPriority)}`,
  ];
  const devices = list(table.dev);
  if (devices.length > 0) lines.push(`devices = { ${devices.join(', ')} }`);
  const flags = list(table.flags);
  if (flags.includes('offload')) lines.push('flags offload');
  if (flags.includes('counter')) lines.push('counter');
  return block(`flowtable ${table.name}`, table.handle, lines, style);
}

/** The line of a base chain; nothing for others. */
export function chainLine(chain: NftChain, style: PrintStyle): string | undefined {
  if (chain.hook === undefined || chain.type === undefined) return undefined;
  const devices = list(chain.dev);
  const [device] = devices;
  const dev =
    device === undefined
      ? ''
      : devices.length === 1
        ? ` device ${quote(device)}`
        : ` devices = { ${devices.join(', ')} }`;
  const priority = printPriority(chain.prio ?? 0, chain.family, chain.hook, style.numericPriority);
  const flags = list(chain.flags).includes('offload') ? ' flags offload;' : '';
  return `type ${chain.type} hook ${chain.hook}${dev} priority ${priority}; policy ${chain.policy ?? 'accept'};${flags}`;
}

function timeoutLine(protocol: string, policy: Record<string, number> | null | undefined): string {
  const known = TIMEOUT_STATES[protocol] ?? {};
  const shown = Object.keys(known).filter((state) => policy?.[state] !== undefined && policy[state] !== known[state]);
  return `policy = { ${shown.map((state) => `${state} : ${policy?.[state]}`).join(', ')} }`;
}

function objectLines(object: NftObject, style: PrintStyle): string[] {
  if ('counter' in object) {
    const { packets = 0, bytes = 0 } = object.counter;
    return style.stateless === true ? [] : [`packets ${packets} bytes ${bytes}`];
  }
  if ('quota' in object) {
    const { bytes, used, inv } = object.quota;
    const whole = inUnits(bytes);
    const spent = used && style.stateless !== true ? inUnits(used) : undefined;
    return [
      `${inv === true ? 'over ' : ''}${whole.value} ${whole.unit}${spent ? ` used ${spent.value} ${spent.unit}` : ''}`,
    ];
  }
  if ('limit' in object) return [printRate(object.limit)];
  if ('secmark' in object) return [quote(object.secmark.context)];
  if ('synproxy' in object) {
    const { mss, wscale, flags } = object.synproxy;
    const words = list(flags);
    return [`mss ${mss}`, `wscale ${wscale}`, ...(words.length > 0 ? [words.join(' ')] : [])];
  }
  if ('ct helper' in object) {
    const { type, protocol, l3proto } = object['ct helper'];
    return [`type ${quote(type)} protocol ${protocol}`, `l3proto ${l3proto ?? 'ip'}`];
  }
  if ('ct timeout' in object) {
    const { protocol, l3proto, policy } = object['ct timeout'];
    return [`protocol ${protocol}`, `l3proto ${l3proto ?? 'ip'}`, timeoutLine(protocol, policy)];
  }
  if ('ct expectation' in object) {
    const { protocol, dport, timeout, size, l3proto } = object['ct expectation'];
    const time = printMilliseconds(timeout);
    return [`protocol ${protocol}`, `dport ${dport}`, `timeout ${time}`, `size ${size}`, `l3proto ${l3proto ?? 'ip'}`];
  }
  return [];
}

/** A stateful object; its comment stands first. */
export function printObject(object: NftObject, style: PrintStyle): string {
  const [kind, body] = Object.entries(object)[0] as [string, { name: string; handle?: number; comment?: string }];
  const comment = body.comment === undefined ? [] : [`comment ${quote(body.comment)}`];
  return block(`${kind} ${body.name}`, body.handle, [...comment, ...objectLines(object, style)], style);
}
