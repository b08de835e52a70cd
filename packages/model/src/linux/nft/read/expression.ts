/** Expressions by precedence: `<<`, `&`, `^`, `|`, `.`; what stands left of a test, and values that are set. */
import type { NftExpression } from '../syntax.ts';
import { findHeader } from '../tables/headers.ts';
import { type Cursor, numberOf } from './cursor.ts';
import { readPacketExpression } from './packet.ts';
import { readSet, readSetReference } from './values.ts';

/** A value as the text gives it: a name, an address, a number. */
export function readScalar(at: Cursor): NftExpression {
  if (at.accept('$')) return readVariable(at);
  const token = at.peek();
  if (token.kind === 'number') {
    at.next();
    const value = numberOf(token.text);
    return Number.isSafeInteger(value) ? value : token.text;
  }
  if (token.kind === 'word' || token.kind === 'quoted' || token.kind === 'wildcard') {
    at.next();
    if (token.kind === 'word' && (token.text === 'exists' || token.text === 'missing')) return token.text === 'exists';
    return token.text;
  }
  return at.unexpected();
}

/** What `$name` stands for. */
export function readVariable(at: Cursor): NftExpression {
  const name = at.string();
  const value = at.variables.get(name);
  if (value === undefined) return at.fail(`unknown identifier '${name}'`);
  at.expand(value);
  return value;
}

/** Operators in a row. */
const MAX_OPERATORS = 256;

export type Primary = (at: Cursor) => NftExpression;

const binary = (operator: '&' | '|' | '^' | '<<' | '>>', left: NftExpression, right: NftExpression): NftExpression =>
  ({ [operator]: [left, right] }) as unknown as NftExpression;

const OPERATORS = [
  { '<<': '<<', lshift: '<<', '>>': '>>', rshift: '>>' },
  { '&': '&', and: '&' },
  { '^': '^', xor: '^' },
  { '|': '|', or: '|' },
] as const;

/** Binary operators over `primary`, the tightest first. `right` reads what stands right of an operator. */
export function readBinary(
  at: Cursor,
  primary: Primary,
  right: Primary = primary,
  level = OPERATORS.length - 1,
): NftExpression {
  let left = level === 0 ? primary(at) : readBinary(at, primary, right, level - 1);
  let operators = 0;
  const names = OPERATORS[level] as Readonly<Record<string, '&' | '|' | '^' | '<<' | '>>'>>;
  for (;;) {
    const token = at.peek();
    const operator = token.kind === 'sign' || token.kind === 'word' ? names[token.text] : undefined;
    if (operator === undefined) return left;
    if (++operators > MAX_OPERATORS) return at.fail('too many operators');
    at.next();
    const other = level === 0 ? right(at) : readBinary(at, right, right, level - 1);
    left = binary(operator, left, other);
  }
}

/** In parentheses, read from a packet, or a plain value. */
function primary(at: Cursor): NftExpression {
  if (at.is('(')) return parenthesised(at, (inner) => readBinary(inner, primary, readValuePrimary));
  return readPacketExpression(at) ?? readScalar(at);
}

function parenthesised(at: Cursor, read: Primary): NftExpression {
  return at.nested(() => {
    at.expect('(');
    const inner = read(at);
    at.expect(')');
    return inner;
  });
}

/** A plain value, also in parentheses: what may stand right of an operator. */
export function readValuePrimary(at: Cursor): NftExpression {
  if (at.is('(')) return parenthesised(at, (inner) => readBinary(inner, readValuePrimary));
  return readScalar(at);
}

/** Parts joined by dots; one part stays alone. */
function readConcat(at: Cursor, part: Primary): NftExpression {
  const parts = [part(at)];
  while (at.accept('.')) parts.push(part(at));
  return parts.length === 1 ? (parts[0] as NftExpression) : { concat: parts };
}

/** The left side of a test, or the key of a map: never a set. */
export function readKey(at: Cursor): NftExpression {
  return readConcat(at, (inner) => readBinary(inner, primary, readValuePrimary));
}

/** The left side of a test. */
export function readExpression(at: Cursor): NftExpression {
  const key = readKey(at);
  return at.accept('map') ? { map: { key, data: readMapData(at) } } : key;
}

/** What follows `map` or `vmap`. */
export function readMapData(at: Cursor): NftExpression {
  if (at.is('{')) return readSet(at);
  if (at.accept('$')) return readVariable(at);
  return readSetReference(at);
}

/** Words that start an expression and are values, too: `ether type set ip`. */
const WORDS: ReadonlySet<string> = new Set(['ip', 'ip6', 'arp', 'vlan', 'ether']);

/** As `primary`, but a header's name without a field behind it is a value. */
function statementPrimary(at: Cursor): NftExpression {
  if (at.is('(')) return parenthesised(at, (inner) => readBinary(inner, statementPrimary));
  const word = at.word();
  const header = WORDS.has(word) ? findHeader(word) : undefined;
  const following = at.word(1);
  const field = header?.fields.some(({ name }) => name === following || name.startsWith(`${following} `)) === true;
  if (header && !field && following !== 'option') return readScalar(at);
  return readPacketExpression(at) ?? readScalar(at);
}

/** A value that a statement sets or uses: also read from the packet, mapped, a range or a prefix. */
export function readStatementValue(at: Cursor): NftExpression {
  const first = readConcat(at, (inner) => readBinary(inner, statementPrimary));
  if (at.accept('map')) return { map: { key: first, data: readMapData(at) } };
  if (at.accept('/')) return { prefix: { addr: first, len: at.number() } };
  if (at.accept('-')) return { range: [first, readBinary(at, statementPrimary)] };
  if (!at.is(',') || at.isKind('newline', 1)) return first;
  const list = [first];
  while (at.accept(',')) list.push(readScalar(at));
  return list;
}
