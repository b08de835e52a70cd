/** The tree as `nft -j` of 1.0.6 prints it: whole seconds, no figures where none are asked for. */
import type { NftObject, NftStatement } from '../syntax.ts';

export interface JsonStyle {
  /** As `nft -s`: counters without figures, no expiry. */
  stateless?: boolean;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const SECONDS = new Set(['timeout', 'expires', 'gc-interval']);

function isFigures(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('map' in value);
}

/** Fields of one object. `inExpectation`: its time-out is in milliseconds. */
function field(key: string, value: Json, style: JsonStyle, parent: string): Json | undefined {
  if (style.stateless === true) {
    if (key === 'expires' || (parent === 'quota' && (key === 'used' || key === 'used_unit'))) return undefined;
    if (key === 'counter' && isFigures(value)) return null;
  }
  if (SECONDS.has(key) && typeof value === 'number' && parent !== 'ct expectation') return Math.floor(value);
  return convert(value, style, key);
}

function convert(value: Json, style: JsonStyle, parent: string): Json {
  if (Array.isArray(value)) return value.map((entry) => convert(entry, style, parent));
  if (typeof value !== 'object' || value === null) return value;
  const out: { [key: string]: Json } = {};
  for (const [key, inner] of Object.entries(value)) {
    // The family of an address that the rule left open is not told.
    if (parent === 'ct' && key === 'family' && (value.key === 'saddr' || value.key === 'daddr')) continue;
    const kept = field(key, inner, style, parent);
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

/** An object as JSON has it. */
export function plainJson(object: NftObject, style: JsonStyle = {}): NftObject {
  const [kind, body] = Object.entries(object)[0] as [string, unknown];
  return { [kind]: convert(body as Json, style, kind) } as unknown as NftObject;
}

/** A statement as JSON has it. */
export function statementJson(statement: NftStatement, style: JsonStyle = {}): NftStatement {
  return convert(statement as unknown as Json, style, '') as unknown as NftStatement;
}
