/** Values of a datatype: from what the text or JSON says to a number, and back. */
import { protocolName, protocolNumber, servicePort } from '../../iptables/base/names.ts';
import { NftRefusal } from '../base/refusal.ts';
import { parseMilliseconds, printMilliseconds } from '../base/time.ts';
import { parseEther, parseIpv4, parseIpv6, printEther, printIpv4, printIpv6 } from './address.ts';
import { parseDate, parseHour, printDate, printHour } from './clock.ts';
import type { Datatype } from './datatypes.ts';

/** The first link of every network namespace (include/net/flow.h). */
const LOOPBACK_INDEX = 1n;

export interface CodecOptions {
  /** Seconds that the node's time is ahead of UTC, for `meta time` and `meta hour`. 0 where absent. */
  utcOffset?: number;
}

const ROOT = 0xffff_ffffn;
/** nft's own words for protocols that the C library spells otherwise. */
const PROTOCOL_WORDS: Readonly<Record<string, number>> = { comp: 108, icmpv6: 58, esp: 50, ah: 51, udplite: 136 };

function integer(text: string): bigint | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text) || /^(0|[1-9]\d*)$/.test(text)) return BigInt(text);
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return undefined;
}

function tchandle(text: string): bigint | undefined {
  if (text === 'root') return ROOT;
  if (text === 'none') return 0n;
  const found = /^([0-9a-fA-F]{1,4}):([0-9a-fA-F]{0,4})$/.exec(text);
  return found ? BigInt(`0x${found[1]}`) * 65536n + BigInt(`0x0${found[2]}`) : integer(text);
}

function decode(text: string, type: Datatype, options: CodecOptions): bigint | undefined {
  switch (type.codec) {
    case 'ipv4':
      return parseIpv4(text);
    case 'ipv6':
      return parseIpv6(text);
    case 'ether':
      return parseEther(text);
    case 'protocol':
      return integer(text) ?? big(PROTOCOL_WORDS[text] ?? protocolNumber(text));
    case 'service':
      return integer(text) ?? big(servicePort(text));
    case 'time':
      return BigInt(Math.round(parseMilliseconds(text)));
    case 'date': {
      const seconds = parseDate(text, options.utcOffset ?? 0);
      return seconds === undefined ? undefined : seconds * 1_000_000_000n;
    }
    case 'hour':
      return parseHour(text, options.utcOffset ?? 0);
    case 'tchandle':
      return tchandle(text);
    case 'label': {
      const bit = integer(text);
      return bit === undefined || bit > 127n ? undefined : 1n << bit;
    }
    default:
      return integer(text);
  }
}

const big = (value: number | undefined): bigint | undefined => (value === undefined ? undefined : BigInt(value));

/** The number that a name or text of this type means; text stays text where the type is one of names. Throws `NftRefusal`. */
export function parseScalar(
  given: string | number | boolean,
  type: Datatype,
  options: CodecOptions = {},
): bigint | string {
  if (typeof given === 'boolean') {
    if (type.codec !== 'boolean')
      throw new NftRefusal(`datatype mismatch, expected ${type.name}, expression has type boolean`);
    return given ? 1n : 0n;
  }
  const text = String(given);
  if (type.codec === 'string') return text;
  if (type.codec === 'interface') return text === 'lo' ? LOOPBACK_INDEX : /^\d+$/.test(text) ? BigInt(text) : text;
  const symbol = type.symbols?.find(([name]) => name === text);
  const value = symbol ? BigInt(symbol[1]) : decode(text, type, options);
  if (value !== undefined) return value;
  if (type.open === true && typeof given === 'string') return text;
  throw new NftRefusal(`Could not parse ${type.name} "${text}"`);
}

export interface ScalarStyle extends CodecOptions {
  /** Protocols are numbers. */
  numericProtocol?: boolean;
  /** As in ranges: symbols are numbers, times whole seconds. */
  plain?: boolean;
}

function hexadecimal(value: bigint, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function number(value: bigint, type: Datatype): string {
  return type.hex === undefined ? String(value) : hexadecimal(value, type.hex);
}

/** A value as text, in quotes where nft quotes it. `bits`: of the expression. */
export function printScalar(value: bigint, type: Datatype, bits: number, style: ScalarStyle = {}): string {
  switch (type.codec) {
    case 'ipv4':
      return printIpv4(value);
    case 'ipv6':
      return printIpv6(value);
    case 'ether':
      return printEther(value, type.bits || bits);
    case 'protocol':
      return style.numericProtocol === true || style.plain === true ? String(value) : protocolName(Number(value));
    case 'time':
      return style.plain === true ? `${value / 1000n}s` : printMilliseconds(Number(value));
    case 'date':
      return `"${printDate(value / 1_000_000_000n, style.utcOffset ?? 0)}"`;
    case 'hour':
      return `"${printHour(value, style.utcOffset ?? 0)}"`;
    case 'tchandle':
      return value === ROOT
        ? 'root'
        : value === 0n
          ? 'none'
          : `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
    case 'label':
      return String(value.toString(2).length - 1);
    case 'service':
      return String(value);
    default: {
      const symbol = style.plain === true && type.codec !== 'boolean' ? undefined : symbolOf(value, type);
      if (symbol === undefined) return number(value, type);
      return type.quoted === true ? `"${symbol}"` : symbol;
    }
  }
}

/** The name that a value is printed with. Accounts are printed as numbers. */
function symbolOf(value: bigint, type: Datatype): string | undefined {
  if (type.open === true) return undefined;
  return type.symbols?.find(([, known]) => BigInt(known) === value)?.[0];
}

/** A value as JSON has it. */
export function scalarJson(
  value: bigint,
  type: Datatype,
  bits: number,
  style: ScalarStyle = {},
): string | number | boolean {
  if (type.codec === 'boolean') return value !== 0n;
  if (type.codec === 'time') return Number(value / 1000n);
  if (['ipv4', 'ipv6', 'ether', 'date', 'hour', 'tchandle'].includes(type.codec))
    return printScalar(value, type, bits, style).replaceAll('"', '');
  if (type.codec === 'protocol' && style.numericProtocol !== true) {
    const name = protocolName(Number(value));
    if (name !== String(value)) return name;
  }
  if (type.codec === 'label') return value.toString(2).length - 1;
  const symbol = symbolOf(value, type);
  if (symbol !== undefined) return symbol;
  if (type.codec === 'interface') return value === LOOPBACK_INDEX ? 'lo' : String(value);
  if (type.name === 'realm') return String(value);
  return value <= 0xffff_ffff_ffff_ffffn ? safe(value) : hexadecimal(value, 1);
}

/** JSON numbers beyond 2^53 lose digits, so those stay text. */
function safe(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}
