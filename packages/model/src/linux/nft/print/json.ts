/** The tree as `nft -j` of 1.0.6 prints it: whole seconds, no figures where none are asked for. */

import { shapeOfExpression } from '../evaluate/shape.ts';
import type { NftObject, NftSetType, NftStatement } from '../syntax.ts';

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

/** Names of a set's type: JSON knows no `typeof`. */
function typeNames(type: NftSetType): string | string[] {
  if (typeof type === 'string' || Array.isArray(type)) return type;
  const names = shapeOfExpression(type.typeof).map((part) => part.type.name);
  return names.length === 1 && names[0] !== undefined ? names[0] : names;
}

/** An object as JSON has it. In listings the type of a map's values is one text. */
export function plainJson(object: NftObject, style: JsonStyle = {}, listing = false): NftObject {
  const [kind, body] = Object.entries(object)[0] as [
    string,
    { type?: NftSetType; map?: NftSetType; flags?: string | string[] },
  ];
  const named = { ...body };
  if (kind === 'set' || kind === 'map' || kind === 'meter') {
    // 1.0.6 neither prints nor reads this flag; rules that add elements imply it.
    const flags = (typeof body.flags === 'string' ? [body.flags] : (body.flags ?? [])).filter(
      (flag) => flag !== 'dynamic',
    );
    delete named.flags;
    if (flags.length > 0) named.flags = flags;
    if (body.type !== undefined) named.type = typeNames(body.type);
    const values = body.map === undefined ? undefined : typeNames(body.map);
    if (values !== undefined) named.map = listing && Array.isArray(values) ? values.join(' . ') : values;
  }
  return { [kind]: convert(named as unknown as Json, style, kind) } as unknown as NftObject;
}

/** A statement as JSON has it. */
export function statementJson(statement: NftStatement, style: JsonStyle = {}): NftStatement {
  return convert(statement as unknown as Json, style, '') as unknown as NftStatement;
}
