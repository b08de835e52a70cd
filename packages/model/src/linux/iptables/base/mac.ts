/** Link-layer addresses as rules of arptables and ebtables write them. */
import { Refusal } from './extension.ts';

export interface MacTest {
  address: readonly number[];
  mask: readonly number[];
}

const BYTES = 6;
const ALL_ONES = [255, 255, 255, 255, 255, 255];

/** Names of kinds of addresses, any case. */
const WELL_KNOWN: readonly (readonly [string, MacTest])[] = [
  ['Unicast', { address: [0, 0, 0, 0, 0, 0], mask: [1, 0, 0, 0, 0, 0] }],
  ['Multicast', { address: [1, 0, 0, 0, 0, 0], mask: [1, 0, 0, 0, 0, 0] }],
  ['Broadcast', { address: ALL_ONES, mask: ALL_ONES }],
  ['BGA', { address: [0x01, 0x80, 0xc2, 0, 0, 0], mask: ALL_ONES }],
];

/** Six numbers of one or two hexadecimal digits; undefined for anything else. */
function parseMac(text: string): number[] | undefined {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return undefined;
  return text.split(':').map((part) => Number.parseInt(part, 16));
}

export function readMac(text: string): number[] {
  const mac = parseMac(text);
  if (!mac) throw new Refusal('Invalid MAC address specified.');
  return mac;
}

/** `address[/mask]` or a well-known name; bits outside the mask are cleared. */
export function readMacAndMask(text: string, what: string): MacTest {
  const known = WELL_KNOWN.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (known) return known[1];
  const slash = text.lastIndexOf('/');
  const address = parseMac(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? ALL_ONES : parseMac(text.slice(slash + 1));
  if (!address || !mask) throw new Refusal(what);
  return { address: address.map((byte, i) => byte & (mask[i] ?? 0)), mask };
}

export function printMac(mac: readonly number[]): string {
  return mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function isAnyMac({ mask }: MacTest): boolean {
  return mask.every((byte) => byte === 0);
}

export function printMacAndMask({ address, mask }: MacTest): string {
  const whole = mask.length === BYTES && mask.every((byte) => byte === 255);
  return whole ? printMac(address) : `${printMac(address)}/${printMac(mask)}`;
}

/** By its name where it has one, as ebtables prints `-s` and `-d`. */
export function printNamedMac(test: MacTest): string {
  const text = printMacAndMask(test);
  return WELL_KNOWN.find(([, known]) => printMacAndMask(known) === text)?.[0] ?? text;
}
