/** Addresses with masks as iptables reads and prints them. */
import { type Family, formatAddress, maskOf, parseAddress, type Words } from '@podwire/engine';
import { type IpFamily, Refusal } from './extension.ts';
import { parseNumber } from './numbers.ts';

function familyNumber(family: IpFamily): Family {
  return family === 'ip' ? 4 : 6;
}

/** One address of the family in canonical text. */
export function address(family: IpFamily, text: string): string {
  const parsed = parseAddress(text);
  if (!parsed || parsed.family !== familyNumber(family)) throw new Refusal(`host/network "${text}" not found`);
  return formatAddress(parsed);
}

/** Prefix length of a mask without holes; undefined with holes. */
function lengthOf(family: Family, mask: Words): number | undefined {
  // With holes it is some other number, whose mask is another one.
  let length = 0;
  for (const word of mask) length += Math.clz32(~word);
  return maskOf(family, length).every((w, i) => w === mask[i]) ? length : undefined;
}

function readMask(family: IpFamily, text: string): Words {
  const number = familyNumber(family);
  const length = parseNumber(text);
  if (length !== undefined) {
    if (length > (number === 4 ? 32 : 128)) throw new Refusal(`invalid mask "${text}" specified`);
    return maskOf(number, length);
  }
  const mask = parseAddress(text);
  if (!mask || mask.family !== number) throw new Refusal(`invalid mask "${text}" specified`);
  return mask.words;
}

/** Length of a prefix that is written as number or mask: all bits where absent. Refuses a mask with holes. */
export function prefixLength(family: IpFamily, text?: string): number {
  const number = familyNumber(family);
  if (text === undefined) return number === 4 ? 32 : 128;
  const length = lengthOf(number, readMask(family, text));
  if (length === undefined) throw new Refusal(`invalid mask "${text}" specified`);
  return length;
}

/** IPv4 networks may be written short: `10/8`, `172.16/12` (libxtables/xtables.c:xtables_numeric_to_ipaddr). */
function complete(family: IpFamily, text: string): string {
  if (family === 'ip6' || !/^\d+(\.\d+){0,2}$/.test(text)) return text;
  return [...text.split('.'), '0', '0', '0'].slice(0, 4).join('.');
}

/**
 * `address[/mask]` to a canonical prefix with host bits cleared: `10.0.0.0/8`, `10.0.12.0/255.0.12.0`. `keepHost` keeps them, as the
 * addresses of some matches do.
 */
export function prefix(family: IpFamily, text: string, keepHost = false): string {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const parsed = parseAddress(complete(family, host));
  const number = familyNumber(family);
  if (!parsed || parsed.family !== number) throw new Refusal(`host/network "${host}" not found`);
  const mask = slash < 0 ? maskOf(number, number === 4 ? 32 : 128) : readMask(family, text.slice(slash + 1));
  const [a, b, c, d] = parsed.words;
  const cut: Words = [(a & mask[0]) >>> 0, (b & mask[1]) >>> 0, (c & mask[2]) >>> 0, (d & mask[3]) >>> 0];
  const words = keepHost ? parsed.words : cut;
  const length = slash < 0 ? (number === 4 ? 32 : 128) : lengthOf(number, mask);
  return `${formatAddress({ family: number, words })}/${length ?? formatAddress({ family: number, words: mask })}`;
}

/** Prefix as matches print it: the mask of a single host is left out. */
export function printHostPrefix(text: string): string {
  return text.endsWith(text.includes(':') ? '/128' : '/32') ? text.slice(0, text.indexOf('/')) : text;
}

/** `from-to` or one address, of the family. */
export function addressRange(family: IpFamily, text: string): { from: string; to: string } {
  const dash = text.indexOf('-');
  const from = address(family, dash < 0 ? text : text.slice(0, dash));
  return { from, to: dash < 0 ? from : address(family, text.slice(dash + 1)) };
}

export function printAddressRange({ from, to }: { from: string; to: string }): string {
  return from === to ? from : `${from}-${to}`;
}

const hostBits = (family: Family, words: Words, mask: Words): Words => {
  const host = family === 4 ? [0, 0, 0, ~mask[3]] : mask.map((word) => ~word);
  return words.map((word, i) => (word | (host[i] as number)) >>> 0) as Words;
};

/** First and last address of a network, whose mask may have holes. */
export function networkEnds(family: IpFamily, text: string): { from: string; to: string } {
  const [from = '', mask = ''] = prefix(family, text).split('/');
  const number = familyNumber(family);
  const { words } = parseAddress(from) as { words: Words };
  return { from, to: formatAddress({ family: number, words: hostBits(number, words, readMask(family, mask)) }) };
}

/** The network with these ends: its mask are the bits that they share. */
export function networkBetween({ from, to }: { from: string; to: string }): string {
  const [first, last] = [parseAddress(from), parseAddress(to)];
  if (!first || !last) throw new Error(`no addresses: ${from}-${to}`);
  const { family } = first;
  const shared = first.words.map((word, i) => ~(word ^ (last.words[i] as number)) >>> 0) as Words;
  const words: Words = family === 4 ? [0, 0, 0, shared[3]] : shared;
  return prefix(family === 4 ? 'ip' : 'ip6', `${from}/${formatAddress({ family, words })}`);
}
