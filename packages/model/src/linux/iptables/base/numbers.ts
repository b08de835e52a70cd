/** Numbers as iptables reads and prints them. */
import type { PortRange } from '@podwire/engine';
import { Refusal } from './extension.ts';
import { servicePort } from './names.ts';

/** `strtoul` with base 0: decimal, 0x hexadecimal, leading-zero octal; no sign. Undefined for anything else or past `max`. */
export function parseNumber(text: string, max = 0xffffffff): number | undefined {
  let value: number;
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) value = Number(text);
  else if (/^0[0-7]+$/.test(text)) value = Number.parseInt(text, 8);
  else if (/^(0|[1-9][0-9]*)$/.test(text)) value = Number(text);
  else return undefined;
  return value <= max ? value : undefined;
}

/** As `parseNumber`, of 64 bits. */
export function parseLong(text: string): bigint | undefined {
  if (!/^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(text)) return undefined;
  const value = BigInt(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text);
  return value >> 64n ? undefined : value;
}

/** A number between `min` and `max`, or a refusal in the words of iptables. */
export function number(option: string, text: string, max = 0xffffffff, min = 0): number {
  const value = parseNumber(text, max);
  if (value === undefined || value < min)
    throw new Refusal(`bad value for option "--${option}", or out of range (${min}-${max}): "${text}"`);
  return value;
}

/** `0x2a`. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** `value[/mask]`, both 32 bits. */
export function valueAndMask(option: string, text: string): { value: number; mask?: number } {
  const slash = text.indexOf('/');
  if (slash < 0) return { value: number(option, text) };
  return { value: number(option, text.slice(0, slash)), mask: number(option, text.slice(slash + 1)) };
}

/** A port number or service name. */
export function port(option: string, text: string): number {
  const value = /^[0-9]/.test(text) ? parseNumber(text, 0xffff) : servicePort(text);
  if (value === undefined) throw new Refusal(`invalid port/service "${text}" specified for option "--${option}"`);
  return value;
}

/** As `port`, for options that ask the C library alone: it knows no numbers but decimal ones. */
export function decimalPort(option: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : servicePort(text);
  if (value === undefined || value > 0xffff)
    throw new Refusal(`--${option}: port "${text}" does not resolve to anything`);
  return value;
}

/** `5`, `5:`, `:5`, `5:7`, `:`. */
export function portRange(option: string, text: string, read = port): PortRange {
  return range(option, text, 0xffff, (part) => read(option, part));
}

/** A range `[from]:[to]` or one number; `read` turns one side into a number. */
export function range(
  option: string,
  text: string,
  max: number,
  read: (part: string) => number = (part) => number(option, part, max),
): PortRange {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const one = read(text);
    return { from: one, to: one };
  }
  const head = text.slice(0, colon);
  const tail = text.slice(colon + 1);
  const from = head === '' ? 0 : read(head);
  const to = tail === '' ? max : read(tail);
  if (from > to)
    throw new Refusal(`invalid range "${text}" for option "--${option}": the first number is above the second`);
  return { from, to };
}

/** `5` or `5:7`. */
export function printRange({ from, to }: PortRange, separator = ':'): string {
  return from === to ? String(from) : `${from}${separator}${to}`;
}
