/** `-j DNAT`, `SNAT`, `MASQUERADE`, `REDIRECT`: net/netfilter/xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c. */
import { type Action, compareAddresses, type NatRange, type PortRange, Protocol, parseAddress } from '@podwire/engine';
import { addressRange, printAddressRange } from '../base/address.ts';
import {
  byName,
  type Context,
  type Given,
  type IpFamily,
  needOption,
  needProtocol,
  type OptionSpec,
  option,
  Refusal,
  type TargetExtension,
  word,
} from '../base/extension.ts';
import { number, port } from '../base/numbers.ts';

const DCCP = 33;
const WITH_PORTS = [Protocol.TCP, Protocol.UDP, Protocol.SCTP, DCCP, Protocol.ICMP, Protocol.ICMPV6];

/** `5` or `5-7`; numbers only on both sides of the dash, as names may hold dashes themselves. */
function readPorts(name: string, text: string): PortRange {
  const pair = /^([0-9]+)-([0-9]+)$/.exec(text);
  if (!pair) {
    const one = port(name, text);
    return { from: one, to: one };
  }
  const [from, to] = [number(name, pair[1] ?? '', 0xffff), number(name, pair[2] ?? '', 0xffff)];
  if (from > to) throw new Refusal(`Port range "${text}" funky`);
  return { from, to };
}

/** `[address[-address]][:port[-port]]`; IPv6 addresses with ports stand in brackets. */
function splitTo(family: IpFamily, text: string): { addresses?: string; ports?: string } {
  if (family === 'ip6') {
    const m = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    if (!m) return text.startsWith(':') && !text.startsWith('::') ? { ports: text.slice(1) } : { addresses: text };
    return { ...(m[1] ? { addresses: m[1] } : {}), ...(m[2] === undefined ? {} : { ports: m[2] }) };
  }
  const colon = text.indexOf(':');
  if (colon < 0) return { addresses: text };
  return { ...(colon > 0 ? { addresses: text.slice(0, colon) } : {}), ports: text.slice(colon + 1) };
}

interface To {
  range: NatRange;
  /** The port that the first port of a shifted range stands for (`1000-2000/1000`). */
  base?: number;
}

function readTo(name: string, text: string, context: Context): To {
  const { addresses, ports } = splitTo(context.family, text);
  const to: To = { range: {} };
  if (addresses !== undefined) {
    const range = addressRange(context.family, addresses);
    const from = parseAddress(range.from);
    const last = parseAddress(range.to);
    if (from && last && compareAddresses(from, last) > 0) throw new Refusal(`Bad IP range "${addresses}"`);
    to.range.addresses = range;
  }
  if (ports !== undefined) {
    needProtocol(context, WITH_PORTS, 'Need TCP, UDP, SCTP or DCCP with port specification');
    const slash = ports.indexOf('/');
    to.range.ports = readPorts(name, slash < 0 ? ports : ports.slice(0, slash));
    if (slash >= 0) {
      if (name !== 'to-destination' || to.range.ports.from === to.range.ports.to)
        throw new Refusal(`Invalid port range "${ports}"`);
      to.base = port(name, ports.slice(slash + 1));
      if (to.base === 0) throw new Refusal(`Invalid port "${ports}"`);
    }
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

function address(name: string, to: string, kind: 'dnat' | 'snat', options: OptionSpec[]): TargetExtension {
  return {
    name,
    options: [option(to, 1), ...options],
    parse(given, context) {
      needOption(given, name, to);
      const { range, base } = readTo(to, word(byName(given).get(to)), context);
      const action: Action = { kind, range: { ...range, ...flags(given) } };
      // A shifted port range is not modelled.
      return base === undefined ? action : { kind: 'unmodelled-target', text: printNat(action, base) };
    },
  };
}

function ports(name: string, kind: 'masquerade' | 'redirect', options: OptionSpec[]): TargetExtension {
  return {
    name,
    options: [option('to-ports', 1), ...options],
    parse(given, context) {
      const to = byName(given).get('to-ports');
      if (to) needProtocol(context, WITH_PORTS, 'Need TCP, UDP, SCTP or DCCP with port specification');
      return { kind, range: { ...(to && { ports: readPorts('to-ports', word(to)) }), ...flags(given) } };
    },
  };
}

export const nat: readonly TargetExtension[] = [
  address('DNAT', 'to-destination', 'dnat', [RANDOM, PERSISTENT]),
  address('SNAT', 'to-source', 'snat', [RANDOM, FULLY, PERSISTENT]),
  ports('MASQUERADE', 'masquerade', [RANDOM, FULLY]),
  ports('REDIRECT', 'redirect', [RANDOM]),
];

const OPTION = { dnat: 'to-destination', snat: 'to-source' } as const;

function printPorts({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

export function printNat(
  action: Extract<Action, { kind: 'dnat' | 'snat' | 'masquerade' | 'redirect' }>,
  base?: number,
): string {
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
