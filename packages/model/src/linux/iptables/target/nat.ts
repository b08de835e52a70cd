/** `-j DNAT`, `SNAT`, `MASQUERADE`, `REDIRECT`: net/netfilter/xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c. */
import { type Action, compareAddresses, type NatRange, type PortRange, Protocol, parseAddress } from '@podwire/engine';
import { addressRange, networkBetween, printAddressRange } from '../base/address.ts';
import {
  byName,
  type Context,
  type Given,
  type IpFamily,
  needOption,
  type OptionSpec,
  option,
  type ProtocolTest,
  Refusal,
  type TargetExtension,
  word,
} from '../base/extension.ts';
import { servicePort } from '../base/names.ts';
import { parseNumber } from '../base/numbers.ts';

const DCCP = 33;
const WITH_PORTS = [Protocol.TCP, Protocol.UDP, Protocol.SCTP, DCCP, Protocol.ICMP];

type NatAction = Extract<Action, { kind: 'dnat' | 'snat' | 'masquerade' | 'redirect' }>;

interface Ports {
  ports: PortRange;
  /** The port that the first port of a shifted range stands for (`1000-2000/1000`). */
  base?: number;
}

function onePort(text: string, min = 0): number {
  const value = /^\d/.test(text) ? parseNumber(text, 0xffff) : servicePort(text);
  if (value === undefined || value < min) throw new Refusal(`Port \`${text}' not valid`);
  return value;
}

/** `5`, `5-7`, `5-7/9`. A name stands alone or behind the slash, as names may hold dashes themselves. */
function readPorts(text: string): Ports {
  const m = /^([0-9][0-9a-fA-FxX]*)-([^/]*)(?:\/(.*))?$/.exec(text);
  if (!m) {
    if (/^\d+:/.test(text)) throw new Refusal('Invalid port:port syntax - use dash');
    const one = onePort(text);
    return { ports: { from: one, to: one } };
  }
  if (!/^\d/.test(m[2] ?? '')) throw new Refusal(`Port \`${m[2]}' not valid`);
  const ports = { from: onePort(m[1] ?? ''), to: onePort(m[2] ?? '') };
  if (ports.from > ports.to) throw new Refusal(`Port range \`${text}' funky`);
  return m[3] === undefined ? { ports } : { ports, base: onePort(m[3], 1) };
}

/** The option asks at once, inverted or not: `-p` stands before it. */
function needPorts(after: ProtocolTest | undefined): void {
  if (!after || !WITH_PORTS.includes(after.protocol)) {
    throw new Refusal('Need TCP, UDP, SCTP or DCCP with port specification');
  }
}

/** `[address[-address]][:port[-port]]`; IPv6 addresses with ports stand in brackets. */
function splitTo(family: IpFamily, text: string): { addresses?: string; ports?: string } {
  const open = text.indexOf('[');
  if (open >= 0) {
    const close = text.indexOf(']', open);
    if (close < 0 || family === 'ip') throw new Refusal('Invalid address format');
    const colon = text.indexOf(':', close);
    const inside = text.slice(open + 1, close);
    return { ...(inside !== '' && { addresses: inside }), ...(colon >= 0 && { ports: text.slice(colon + 1) }) };
  }
  const colon = text.indexOf(':');
  if (colon < 0 || text.indexOf(':', colon + 1) >= 0) return { addresses: text };
  return { ...(colon > 0 && { addresses: text.slice(0, colon) }), ports: text.slice(colon + 1) };
}

interface To {
  range: NatRange;
  base?: number;
  /** The range of addresses ends before it begins, which the kernel lets be. */
  reversed?: boolean;
}

function readTo(given: Given, { family }: Context): To {
  const { addresses, ports } = splitTo(family, word(given));
  const to: To = { range: {} };
  if (addresses !== undefined) {
    to.range.addresses = addressRange(family, addresses);
    const from = parseAddress(to.range.addresses.from);
    const last = parseAddress(to.range.addresses.to);
    if (from && last && compareAddresses(from, last) > 0) to.reversed = true;
  }
  if (ports !== undefined) {
    needPorts(given.after);
    const read = readPorts(ports);
    to.range.ports = read.ports;
    if (read.base !== undefined) to.base = read.base;
  }
  return to;
}

function flags(given: readonly Given[]): NatRange {
  const g = byName(given);
  return {
    ...(g.has('random') && { random: true }),
    ...(g.has('random-fully') && { randomFully: true }),
    ...(g.has('persistent') && { persistent: true }),
  };
}

const RANDOM = option('random', 0);
const FULLY = option('random-fully', 0);
const PERSISTENT = option('persistent', 0);

function noShift(base: number | undefined): void {
  if (base !== undefined) throw new Refusal('Shifted portmap ranges not supported with this kernel');
}

function address(
  name: string,
  to: string,
  kind: 'dnat' | 'snat',
  chains: string[],
  options: OptionSpec[],
): TargetExtension {
  return {
    name,
    tables: ['nat'],
    chains,
    options: [option(to, 1), ...options],
    parse(given, context) {
      needOption(given, name, to);
      const { range, base, reversed } = readTo(byName(given).get(to) as Given, context);
      if (kind === 'snat') noShift(base);
      const action: NatAction = { kind, range: { ...range, ...flags(given) } };
      // Shifted port ranges and empty ranges of addresses are not modelled.
      const modelled = base === undefined && !reversed;
      return modelled ? action : { kind: 'unmodelled-target', text: printNat(action, base) };
    },
  };
}

function ports(
  name: string,
  kind: 'masquerade' | 'redirect',
  chains: string[],
  options: OptionSpec[],
): TargetExtension {
  return {
    name,
    tables: ['nat'],
    chains,
    options: [option('to-ports', 1), ...options],
    parse(given) {
      const to = byName(given).get('to-ports');
      if (!to) return { kind, range: flags(given) };
      needPorts(to.after);
      const read = readPorts(word(to));
      noShift(read.base);
      return { kind, range: { ports: read.ports, ...flags(given) } };
    },
  };
}

const INCOMING = ['PREROUTING', 'OUTPUT'];

export const nat: readonly TargetExtension[] = [
  address('DNAT', 'to-destination', 'dnat', INCOMING, [RANDOM, PERSISTENT]),
  address('SNAT', 'to-source', 'snat', ['INPUT', 'POSTROUTING'], [RANDOM, FULLY, PERSISTENT]),
  ports('MASQUERADE', 'masquerade', ['POSTROUTING'], [RANDOM, FULLY]),
  ports('REDIRECT', 'redirect', INCOMING, [RANDOM]),
];

const OPTION = { dnat: 'to-destination', snat: 'to-source' } as const;

function printPorts({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

export function printNat(action: NatAction, base?: number): string {
  if (action.range.netmap && action.range.addresses) return `-j NETMAP --to ${networkBetween(action.range.addresses)}`;
  const { addresses, ports, random, randomFully, persistent } = action.range;
  let text = `-j ${action.kind.toUpperCase()}`;
  if (action.kind === 'dnat' || action.kind === 'snat') {
    const host = addresses ? printAddressRange(addresses) : '';
    const bracketed = ports && host.includes(':') ? `[${host}]` : host;
    text += ` --${OPTION[action.kind]} ${bracketed}${ports ? `:${printPorts(ports)}` : ''}${base === undefined ? '' : `/${base}`}`;
  } else if (ports) {
    text += ` --to-ports ${printPorts(ports)}`;
  }
  return (
    text + (random ? ' --random' : '') + (randomFully ? ' --random-fully' : '') + (persistent ? ' --persistent' : '')
  );
}
