/** Tests of single fields as diagrams, and the names of what cannot be looked into. All sets that meet belong to one space. */
import { CtState, type Family, parseAddress, parsePrefix } from '@podwire/engine';
import { createDiagrams, type Diagram, type Diagrams, FALSE, TRUE } from './diagram.ts';
import {
  connmarkVariable,
  FIRST_ATOM,
  FIRST_CHANGEABLE,
  type Field,
  type FieldName,
  fieldOf,
  markVariable,
  NAME_BYTES,
  STATE_FIELD,
} from './fields.ts';
import { Outcomes } from './outcome.ts';

/** Codes of the three state bits; 5, 6 and 7 mean UNTRACKED as 4 does. */
export const STATE_CODES: readonly CtState[] = [
  CtState.INVALID,
  CtState.NEW,
  CtState.ESTABLISHED,
  CtState.RELATED,
  CtState.UNTRACKED,
];

/** Numbers of more than 32 bits are bigint. */
export type Bits = bigint | number;

const big = (value: Bits): bigint => (typeof value === 'bigint' ? value : BigInt(value >>> 0));

/** An address as the number its field holds: IPv4 in the highest 32 bits. */
export function addressBits(text: string): { family: Family; bits: bigint } {
  const address = parseAddress(text);
  if (!address) throw new RangeError(`not an address: ${text}`);
  const { family, words } = address;
  if (family === 4) return { family, bits: BigInt(words[3]) << 96n };
  return { family, bits: words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) };
}

/** The first `length` of `width` bits. */
const leading = (length: number, width: number): bigint => ((1n << BigInt(length)) - 1n) << BigInt(width - length);

/** A name's bytes, and a mask of those that are compared (ifname_compare): with its ending zero byte, unless all names that begin so are meant. */
export function nameBits(name: string, open: boolean): { bits: bigint; mask: bigint } {
  const bytes = new TextEncoder().encode(name).slice(0, NAME_BYTES);
  let bits = 0n;
  for (let i = 0; i < NAME_BYTES; i++) bits = (bits << 8n) | BigInt(bytes[i] ?? 0);
  const compared = open ? bytes.length : Math.min(bytes.length + 1, NAME_BYTES);
  return { bits, mask: leading(compared * 8, NAME_BYTES * 8) };
}

export class PacketSpace {
  readonly diagrams: Diagrams;
  /** Leaves of what chains do. */
  readonly outcomes: Outcomes;
  readonly #atoms: string[] = [];
  readonly #atomVariables = new Map<string, number>();
  readonly #further = new Map<string, Field>();
  readonly #furtherFields: Field[] = [];
  #nextVariable = FIRST_ATOM;

  /** `maxNodes`: see `createDiagrams`. */
  constructor(maxNodes?: number) {
    this.diagrams = createDiagrams(maxNodes);
    this.outcomes = new Outcomes(this.diagrams);
  }

  and(...sets: Diagram[]): Diagram {
    return sets.reduce((a, b) => this.diagrams.choose(a, b, FALSE), TRUE);
  }

  or(...sets: Diagram[]): Diagram {
    return this.diagrams.union(sets);
  }

  not(set: Diagram): Diagram {
    return this.diagrams.choose(set, FALSE, TRUE);
  }

  without(set: Diagram, other: Diagram): Diagram {
    return this.diagrams.choose(other, FALSE, set);
  }

  /** The set, or its complement where `not`. */
  unless(not: boolean | undefined, set: Diagram): Diagram {
    return not ? this.not(set) : set;
  }

  variable(variable: number): Diagram {
    return this.diagrams.node(variable, FALSE, TRUE);
  }

  /** A field beyond those of every packet: the same name and width, the same field. */
  further(name: string, width: number): Field {
    let field = this.#further.get(name);
    if (field && field.width !== width) throw new RangeError(`field ${name} has ${field.width} bits, not ${width}`);
    if (!field) {
      field = { name, first: this.#nextVariable, width };
      this.#nextVariable += width;
      this.#further.set(name, field);
      for (let i = 0; i < width; i++) this.#furtherFields[field.first + i] = field;
    }
    return field;
  }

  /** The further field a variable belongs to, and which bit of it, counted from the least significant. */
  furtherPlace(variable: number): { name: string; bit: bigint } | undefined {
    const field = this.#furtherFields[variable];
    return field && { name: field.name, bit: BigInt(field.width - 1 - (variable - field.first)) };
  }

  /** Something that holds or does not, and nobody knows more: the same name, the same atom. */
  atom(name: string): Diagram {
    let variable = this.#atomVariables.get(name);
    if (variable === undefined) {
      variable = this.#nextVariable++;
      if (variable >= FIRST_CHANGEABLE) throw new RangeError('too many atoms');
      this.#atomVariables.set(name, variable);
      this.#atoms[variable] = name;
    }
    return this.variable(variable);
  }

  /** Undefined for a variable that is no atom. */
  atomName(variable: number): string | undefined {
    return this.#atoms[variable];
  }

  /** The field's bits under `mask` are those of `value`; never, where `value` has bits outside the mask. */
  masked(field: Field | FieldName, value: Bits, mask: Bits): Diagram {
    const { first, width } = typeof field === 'string' ? fieldOf(field) : field;
    const wanted = big(value);
    const tested = big(mask);
    if ((wanted & ~tested) !== 0n || wanted >> BigInt(width) !== 0n) return FALSE;
    const { node } = this.diagrams;
    let set = TRUE;
    // Words of 32 bits: arithmetic on them is what this spends its time with.
    for (let from = 0; from < width; from += 32) {
      const maskWord = Number((tested >> BigInt(from)) & 0xffffffffn);
      const word = Number((wanted >> BigInt(from)) & 0xffffffffn);
      for (let bit = 0; maskWord >>> bit !== 0 && bit < 32; bit++) {
        if (((maskWord >>> bit) & 1) === 0) continue;
        const variable = first + width - 1 - from - bit;
        set = (word >>> bit) & 1 ? node(variable, FALSE, set) : node(variable, set, FALSE);
      }
    }
    return set;
  }

  equals(field: Field | FieldName, value: Bits): Diagram {
    const { width } = typeof field === 'string' ? fieldOf(field) : field;
    const wanted = big(value);
    return wanted >> BigInt(width) === 0n ? this.masked(field, wanted, (1n << BigInt(width)) - 1n) : FALSE;
  }

  /** From the first to the last value, both included. */
  range(field: Field | FieldName, from: Bits, to: Bits): Diagram {
    const { first, width } = typeof field === 'string' ? fieldOf(field) : field;
    const most = (1n << BigInt(width)) - 1n;
    const low = big(from);
    const high = big(to) > most ? most : big(to);
    if (low > high) return FALSE;
    const { node } = this.diagrams;
    let atLeast = TRUE;
    let atMost = TRUE;
    for (let from = 0; from < width; from += 32) {
      const lowWord = Number((low >> BigInt(from)) & 0xffffffffn);
      const highWord = Number((high >> BigInt(from)) & 0xffffffffn);
      // Below an IPv4 address stand three words that any value fits.
      if (lowWord === 0 && highWord === 0xffffffff && atLeast === TRUE && atMost === TRUE) continue;
      for (let bit = 0; bit < Math.min(32, width - from); bit++) {
        const variable = first + width - 1 - from - bit;
        atLeast = (lowWord >>> bit) & 1 ? node(variable, FALSE, atLeast) : node(variable, atLeast, TRUE);
        atMost = (highWord >>> bit) & 1 ? node(variable, TRUE, atMost) : node(variable, atMost, FALSE);
      }
    }
    return this.and(atLeast, atMost);
  }

  family(family: Family): Diagram {
    return this.masked('family', family === 4 ? 0 : 1, 1);
  }

  /** `10.0.0.0/8` or `10.0.0.1/255.0.0.255`: of that family, and in it. Throws `RangeError` for text that is neither. */
  prefix(field: FieldName, text: string): Diagram {
    const slash = text.indexOf('/');
    const tail = slash < 0 ? '' : text.slice(slash + 1);
    if (/[.:]/.test(tail)) {
      const { family, bits } = addressBits(text.slice(0, slash));
      const mask = addressBits(tail).bits;
      return this.and(this.family(family), this.masked(field, bits & mask, mask));
    }
    const prefix = parsePrefix(text);
    if (!prefix) throw new RangeError(`not a prefix: ${text}`);
    const { family, bits } = addressBits(slash < 0 ? text : text.slice(0, slash));
    const mask = leading(prefix.length, 128);
    return this.and(this.family(family), this.masked(field, bits & mask, mask));
  }

  addressRange(field: FieldName, from: string, to: string): Diagram {
    const low = addressBits(from);
    const high = addressBits(to);
    if (low.family !== high.family) throw new RangeError(`${from} and ${to} are of two families`);
    // Below an IPv4 address stand 96 bits that are never tested.
    const last = low.family === 4 ? high.bits | ((1n << 96n) - 1n) : high.bits;
    return this.and(this.family(low.family), this.range(field, low.bits, last));
  }

  /** The name of an interface; `eth+`: all that begin so. The empty name: there is none. */
  interfaceName(field: 'iif' | 'oif' | 'physin' | 'physout', pattern: string): Diagram {
    const open = pattern.endsWith('+');
    const { bits, mask } = nameBits(open ? pattern.slice(0, -1) : pattern, open);
    return this.masked(field, bits, mask);
  }

  /** A byte of the name is this one. */
  hasByte(field: 'iif' | 'oif', byte: number): Diagram {
    const at = (place: number) => {
      const shift = BigInt(8 * (NAME_BYTES - 1 - place));
      return this.masked(field, BigInt(byte) << shift, 0xffn << shift);
    };
    return this.or(...Array.from({ length: NAME_BYTES }, (_, place) => at(place)));
  }

  #marked(variableOf: (bit: number) => number, value: number, mask: number): Diagram {
    if ((value & ~mask) !== 0) return FALSE;
    let set = TRUE;
    for (let bit = 0; bit < 32; bit++) {
      if (((mask >>> bit) & 1) === 0) continue;
      const { node } = this.diagrams;
      set = (value >>> bit) & 1 ? node(variableOf(bit), FALSE, set) : node(variableOf(bit), set, FALSE);
    }
    return set;
  }

  mark(value: number, mask: number): Diagram {
    return this.#marked(markVariable, value, mask);
  }

  /** Of the connection: only where there is one. */
  connmark(value: number, mask: number): Diagram {
    return this.and(this.connection(), this.#marked(connmarkVariable, value, mask));
  }

  /** Any of the states, bits of `CtState` from INVALID to UNTRACKED. */
  state(states: number): Diagram {
    const codes = STATE_CODES.flatMap((state, code) => {
      if ((states & state) === 0) return [];
      return [state === CtState.UNTRACKED ? this.masked(STATE_FIELD, 4, 4) : this.equals(STATE_FIELD, code)];
    });
    return this.or(...codes);
  }

  /** Conntrack knows the packet's connection. */
  connection(): Diagram {
    return this.state(CtState.NEW | CtState.ESTABLISHED | CtState.RELATED);
  }

  flag(field: FieldName): Diagram {
    return this.masked(field, 1, 1);
  }
}
