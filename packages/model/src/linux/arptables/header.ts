/** What arptables tests of a packet: addresses, interfaces, and the fields of the ARP header (net/ipv4/netfilter/arp_tables.c). */
import { prefix, printHostPrefix } from '../iptables/base/address.ts';
import { arpOpcodeNumber } from '../iptables/base/arp-opcodes.ts';
import { bang, type Given, inverted, option, Refusal, word } from '../iptables/base/extension.ts';
import { isAnyMac, printMacAndMask, readMacAndMask } from '../iptables/base/mac.ts';
import { parseNumber } from '../iptables/base/numbers.ts';
import { interfaceName } from '../iptables/base/words.ts';

const negatable = { negatable: true };

export const SHORT: Readonly<Record<string, string>> = {
  s: 'source-ip',
  d: 'destination-ip',
  l: 'h-length',
  i: 'in-interface',
  o: 'out-interface',
  j: 'jump',
  c: 'set-counters',
};

export const headerOptions = [
  option('source-ip', 1, { ...negatable, aliases: ['src-ip'] }),
  option('destination-ip', 1, { ...negatable, aliases: ['dst-ip'] }),
  option('source-mac', 1, { ...negatable, aliases: ['src-mac'] }),
  option('destination-mac', 1, { ...negatable, aliases: ['dst-mac'] }),
  option('h-length', 1, negatable),
  option('p-length', 1, negatable),
  option('opcode', 1, negatable),
  option('h-type', 1, negatable),
  option('proto-type', 1, negatable),
  option('in-interface', 1, negatable),
  option('out-interface', 1, negatable),
  option('jump', 1),
  option('set-counters', 2),
];

/** In the order in which they are printed. */
export const HEADER_ORDER = [
  'in-interface',
  'out-interface',
  'source-ip',
  'source-mac',
  'destination-ip',
  'destination-mac',
  'h-length',
  'opcode',
  'h-type',
  'proto-type',
];

const ETHERNET = 1;
const IPV4 = 0x0800;
const MAC_LENGTH = 6;

interface Masked {
  value: number;
  mask: number;
}

const readers: Readonly<Record<number, (text: string) => number | undefined>> = {
  10: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
  16: (text) => (/^(0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : undefined),
  0: (text) => parseNumber(text),
};

/** `value[/mask]` of `max`, in numbers of `base`; undefined for a name. */
function readMasked(text: string, max: number, base: 0 | 10 | 16): Masked | undefined {
  const slash = text.lastIndexOf('/');
  const read = (part: string) => {
    const value = readers[base]?.(part);
    return value !== undefined && value <= max ? value : undefined;
  };
  const value = read(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? max : read(text.slice(slash + 1));
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

function field(
  given: Given,
  {
    max,
    base,
    named,
    usual,
  }: { max: number; base: 0 | 10 | 16; named: (name: string) => number | undefined; usual: number },
  print: (value: number) => string,
): string | undefined {
  const text = word(given);
  const name = readMasked(text, max, base) ?? { value: named(text) ?? -1, mask: max };
  if (name.value < 0) throw new Refusal(`Problem with specified ${given.name}`);
  if (name.value === usual && name.mask === max && !given.not) return undefined;
  return `${bang(given.not)}--${given.name} ${print(name.value)}${name.mask === max ? '' : `/${print(name.mask)}`}`;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function length(given: Given): string | undefined {
  const { value, mask } = readMasked(word(given), 255, 10) ?? { value: MAC_LENGTH, mask: 255 };
  if (value !== MAC_LENGTH) throw new Refusal('Only hardware address length of 6 is supported currently.');
  if (mask === 255 && !given.not) return undefined;
  return `${bang(given.not)}--h-length ${value}${mask === 255 ? '' : `/${mask}`}`;
}

function mac(given: Given, name: string): string | undefined {
  const test = readMacAndMask(word(given), `Problem with specified ${given.name.replace('-', ' ')}`);
  return isAnyMac(test) ? undefined : `${bang(given.not)}--${name} ${printMacAndMask(test)}`;
}

/** All addresses of `-s` or `-d`: a list makes as many rules. Undefined for what says nothing. */
export function readAddresses(letter: 's' | 'd', given: Given): (string | undefined)[] {
  const parts = word(given).split(',');
  if (parts.length > 1 && given.not) {
    throw new Refusal('! not allowed with multiple source or destination IP addresses');
  }
  return parts.map((part) => {
    const network = prefix('ip', part.trim());
    return network.endsWith('/0') ? undefined : `${bang(given.not)}-${letter} ${printHostPrefix(network)}`;
  });
}

/** Name of the interface; undefined where any will do. */
export function readInterface(given: Given): { name: string; not?: true } | undefined {
  const name = interfaceName(word(given));
  return name === '' || (name === '+' && !given.not) ? undefined : { name, ...inverted(given.not) };
}

/** The text of the other tests; undefined for what says nothing. */
export function readField(given: Given): string | undefined {
  const u16 = 0xffff;
  switch (given.name) {
    case 'source-mac':
      return mac(given, 'src-mac');
    case 'destination-mac':
      return mac(given, 'dst-mac');
    case 'h-length':
      return length(given);
    case 'opcode':
      return field(given, { max: u16, base: 10, named: arpOpcodeNumber, usual: 0 }, String);
    case 'h-type': {
      const named = (name: string) => (name.toLowerCase() === 'ethernet' ? ETHERNET : undefined);
      return field(given, { max: u16, base: 16, named, usual: ETHERNET }, hex);
    }
    case 'proto-type': {
      const named = (name: string) => (name.toLowerCase() === 'ipv4' ? IPV4 : undefined);
      return field(given, { max: u16, base: 0, named, usual: 0 }, hex);
    }
    default:
      throw new Refusal('not supported');
  }
}
