/** The tests of ebtables that need no extension: protocol, addresses and interfaces (iptables/nft-bridge.c). */

import { ethertypeName, ethertypeNumber } from '../iptables/base/ethertypes.ts';
import { bang, type Given, inverted, option, Refusal, word } from '../iptables/base/extension.ts';
import { printNamedMac, readMacAndMask } from '../iptables/base/mac.ts';
import { bareWord, interfaceName } from '../iptables/base/words.ts';

const negatable = { negatable: true };

export const SHORT: Readonly<Record<string, string>> = {
  p: 'protocol',
  s: 'source',
  d: 'destination',
  i: 'in-interface',
  o: 'out-interface',
  j: 'jump',
  c: 'set-counters',
};

export const headerOptions = [
  option('protocol', 1, { ...negatable, aliases: ['proto'] }),
  option('source', 1, { ...negatable, aliases: ['src'] }),
  option('destination', 1, { ...negatable, aliases: ['dst'] }),
  option('in-interface', 1, { ...negatable, aliases: ['in-if'] }),
  option('logical-in', 1, negatable),
  option('out-interface', 1, { ...negatable, aliases: ['out-if'] }),
  option('logical-out', 1, negatable),
  option('jump', 1),
  option('set-counters', 2),
];

/** In the order in which they are printed. */
export const HEADER_ORDER = [
  'protocol',
  'source',
  'destination',
  'in-interface',
  'logical-in',
  'out-interface',
  'logical-out',
];

/** Below it the field is the length of an 802.3 frame. */
const FIRST_ETHERTYPE = 0x0600;

export interface EtherProtocol {
  /** Absent: `Length`, an 802.3 frame. */
  number?: number;
  not?: boolean;
}

/** Hexadecimal, `Length`, or a name. What can be read as number is none. */
export function readProtocol(given: Given): EtherProtocol {
  const text = word(given).toLowerCase();
  if (text === 'length') return inverted(given.not);
  const number = /^(0x)?[0-9a-f]+$/.test(text) ? Number.parseInt(text, 16) : ethertypeNumber(text);
  if (number === undefined) throw new Refusal(`Problem with the specified Ethernet protocol '${text}'`);
  if (number > 0xffff) throw new Refusal('Problem with the specified protocol');
  if (number < FIRST_ETHERTYPE) throw new Refusal('Sorry, protocols have values above or equal to 0x0600');
  return { number, ...inverted(given.not) };
}

function printProtocol({ number, not }: EtherProtocol): string {
  const name = number === undefined ? 'Length' : (ethertypeName(number) ?? `0x${number.toString(16)}`);
  return `${bang(not)}-p ${name}`;
}

function readMac(given: Given, letter: 's' | 'd'): string {
  const test = readMacAndMask(word(given), `Problem with specified ${given.name} mac '${word(given)}'`);
  return `${bang(given.not)}-${letter} ${printNamedMac(test)}`;
}

/** Name of the interface; undefined where any will do. */
export function readInterface(given: Given): { name: string; not?: true } | undefined {
  const name = interfaceName(word(given));
  if (name === '' && !given.name.startsWith('logical')) throw new Refusal('Empty interface is likely to be undesired');
  return name === '' || (name === '+' && !given.not) ? undefined : { name, ...inverted(given.not) };
}

/** The text of a test; undefined for what says nothing. */
export function readField(given: Given): string | undefined {
  switch (given.name) {
    case 'protocol':
      return printProtocol(readProtocol(given));
    case 'source':
      return readMac(given, 's');
    case 'destination':
      return readMac(given, 'd');
    default: {
      const test = readInterface(given);
      return test && `${bang(test.not)}--${given.name} ${bareWord(test.name)}`;
    }
  }
}
