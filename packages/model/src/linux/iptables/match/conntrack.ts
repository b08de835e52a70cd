/** `-m conntrack`: net/netfilter/xt_conntrack.c. `--ctexpire` is not modelled; a match on it keeps its text. */
import type { Match, PortRange } from '@podwire/engine';
import { prefix, printHostPrefix } from '../base/address.ts';
import { CONNECTED } from '../base/connected.ts';
import {
  bang,
  byName,
  type Given,
  type IpFamily,
  inverted,
  type MatchExtension,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { protocolNumber } from '../base/names.ts';
import { decimalPort, number, portRange, printRange, range } from '../base/numbers.ts';
import { printStates, readStates } from './state.ts';

type Conntrack = Extract<Match, { kind: 'conntrack' }>;

const negatable = { negatable: true };
const ADDRESSES = [
  ['ctorigsrc', 'origSrc'],
  ['ctorigdst', 'origDst'],
  ['ctreplsrc', 'replSrc'],
  ['ctrepldst', 'replDst'],
] as const;
const PORTS = [
  ['ctorigsrcport', 'origSrcPort'],
  ['ctorigdstport', 'origDstPort'],
  ['ctreplsrcport', 'replSrcPort'],
  ['ctrepldstport', 'replDstPort'],
] as const;
const STATUSES = ['expected', 'seen_reply', 'assured', 'confirmed'];

function readStatuses(text: string): string[] {
  const names = text.split(',').map((part) => {
    const lower = part.toLowerCase();
    const found = lower === '' ? undefined : [...STATUSES, 'none'].find((name) => name.startsWith(lower));
    if (!found) throw new Refusal(`Bad ctstatus "${part}"`);
    return found;
  });
  // NONE is the absence of all: beside a name it adds nothing.
  const set = STATUSES.filter((name) => names.includes(name));
  return set.length ? set : ['none'];
}

function readProtocol(test: Given): number {
  const value = protocolNumber(word(test)) ?? number('ctproto', word(test), 255);
  if (value === 0 && test.not) throw new Refusal('conntrack: rule would never match protocol');
  return value;
}

function read(given: Given[], family: IpFamily): Conntrack {
  const g = byName(given);
  const match: Conntrack = { kind: 'conntrack' };
  const states = g.get('ctstate');
  if (states) match.state = { states: readStates(word(states)), ...inverted(states.not) };
  const protocol = g.get('ctproto');
  if (protocol) match.protocol = { protocol: readProtocol(protocol), ...inverted(protocol.not) };
  for (const [name, field] of ADDRESSES) {
    const test = g.get(name);
    if (test) match[field] = { prefix: prefix(family, word(test), true), ...inverted(test.not) };
  }
  for (const [name, field] of PORTS) {
    const test = g.get(name);
    if (test) match[field] = { ...portRange(name, word(test), decimalPort), ...inverted(test.not) };
  }
  const status = g.get('ctstatus');
  if (status) match.status = { names: readStatuses(word(status)), ...inverted(status.not) };
  const direction = g.get('ctdir');
  if (direction) {
    const upper = word(direction).toUpperCase();
    if (upper !== 'ORIGINAL' && upper !== 'REPLY') throw new Refusal('--ctdir must be ORIGINAL or REPLY');
    match.direction = upper;
  }
  return match;
}

export const conntrack: MatchExtension = {
  name: 'conntrack',
  options: [
    option('ctstate', 1, negatable),
    option('ctproto', 1, negatable),
    ...ADDRESSES.map(([name]) => option(name, 1, negatable)),
    ...PORTS.map(([name]) => option(name, 1, negatable)),
    option('ctstatus', 1, negatable),
    option('ctexpire', 1, negatable),
    option('ctdir', 1),
  ],
  parse(given, { family }) {
    if (given.length === 0) throw new Refusal('conntrack: At least one option is required');
    const match = read(given, family);
    const expire = byName(given).get('ctexpire');
    if (!expire) return match;
    const seconds: PortRange = range('ctexpire', word(expire), 0xffffffff);
    const text = print(match, `${bang(expire.not)}--ctexpire ${printRange(seconds)}`);
    // A test of the state alone decides about a packet without a connection: that one is asked as a whole.
    if (match.state) return { kind: 'unmodelled', text };
    const rest: Match[] = Object.keys(match).length > 1 ? [match] : [];
    return { kind: 'extension', text, tests: [...rest, CONNECTED, { kind: 'unmodelled', text }] };
  },
};

/** `expire` stands between the status and the direction. */
function print(match: Conntrack, expire?: string): string {
  const out = ['-m conntrack'];
  const { state, protocol, status } = match;
  if (state) out.push(`${bang(state.not)}--ctstate ${printStates(state.states)}`);
  if (protocol) out.push(`${bang(protocol.not)}--ctproto ${protocol.protocol}`);
  for (const [name, field] of ADDRESSES) {
    const test = match[field];
    if (test) out.push(`${bang(test.not)}--${name} ${printHostPrefix(test.prefix)}`);
  }
  for (const [name, field] of PORTS) {
    const test = match[field];
    if (test) out.push(`${bang(test.not)}--${name} ${printRange(test)}`);
  }
  if (status) out.push(`${bang(status.not)}--ctstatus ${status.names.join(',').toUpperCase()}`);
  if (expire) out.push(expire);
  if (match.direction) out.push(`--ctdir ${match.direction}`);
  return out.join(' ');
}

export function printConntrack(match: Conntrack): string {
  return print(match);
}
