/** Values right of a test: ranges, prefixes, lists, sets and their elements. */
import type { NftElem, NftElement, NftExpression, NftStatement, NftVerdict } from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { readBinary, readValuePrimary, readVariable } from './expression.ts';
import { readStatefulStatement } from './state.ts';
import { readSeconds } from './time.ts';

function basic(at: Cursor): NftExpression {
  return readBinary(at, readValuePrimary);
}

/** One value, range or prefix. */
function multiton(at: Cursor): NftExpression {
  const first = basic(at);
  if (at.is('/') && at.isKind('number', 1)) {
    at.next();
    return { prefix: { addr: first, len: at.number() } };
  }
  return at.accept('-') ? { range: [first, basic(at)] } : first;
}

function concatenated(at: Cursor): NftExpression {
  const parts = [multiton(at)];
  while (at.accept('.')) parts.push(multiton(at));
  return parts.length === 1 ? (parts[0] as NftExpression) : { concat: parts };
}

export function readSetReference(at: Cursor): NftExpression {
  at.expect('@');
  return `@${at.string()}`;
}

/** The right side of a test, up to what follows it. */
export function readRightSide(at: Cursor): NftExpression {
  if (at.is('{')) return readSet(at);
  if (at.is('@')) return readSetReference(at);
  const first = concatenated(at);
  if (!at.is(',')) return first;
  const list = [first];
  while (at.accept(',')) list.push(basic(at));
  return list;
}

const VERDICTS = ['accept', 'drop', 'continue', 'return'] as const;

/** The verdict that starts here; undefined where none does. */
export function readVerdict(at: Cursor): NftVerdict | undefined {
  const plain = at.acceptOne(VERDICTS);
  if (plain !== undefined) return { [plain]: null } as unknown as NftVerdict;
  const jump = at.acceptOne(['jump', 'goto'] as const);
  if (jump === undefined) return undefined;
  const value = at.accept('$') ? readVariable(at) : at.string();
  if (typeof value !== 'string') return at.fail('not a chain name');
  return jump === 'jump' ? { jump: { target: value } } : { goto: { target: value } };
}

type ElementOptions = Omit<NftElem['elem'], 'val'>;

/** `timeout 5m`, `expires 3m`, `comment "…"`, `counter …` behind an element. */
export function readElementOptions(at: Cursor): ElementOptions {
  const options: ElementOptions = {};
  for (;;) {
    if (at.accept('timeout')) options.timeout = readSeconds(at);
    else if (at.accept('expires')) options.expires = readSeconds(at);
    else if (at.accept('comment')) options.comment = at.string();
    else {
      const state = readStatefulStatement(at);
      if (!state) return options;
      Object.assign(options, state satisfies NftStatement);
    }
  }
}

function readElement(at: Cursor): NftElement {
  const val = at.is('{')
    ? readSet(at)
    : at.is('*')
      ? wildcard(at)
      : at.is('@')
        ? readSetReference(at)
        : concatenated(at);
  const options = readElementOptions(at);
  const key: NftExpression = Object.keys(options).length === 0 ? val : { elem: { val, ...options } };
  at.skipNewlines();
  if (!at.accept(':')) return key;
  at.skipNewlines();
  const value = readVerdict(at) ?? concatenated(at);
  return [key, value];
}

function wildcard(at: Cursor): NftExpression {
  at.next();
  return '*';
}

/** `{ a, b : c }`. */
export function readSet(at: Cursor): NftExpression {
  return at.nested(() => {
    at.expect('{');
    at.skipNewlines();
    const elements: NftElement[] = [];
    while (!at.is('}')) {
      elements.push(readElement(at));
      at.skipNewlines();
      if (!at.accept(',')) break;
      at.skipNewlines();
    }
    if (elements.length === 0) at.unexpected();
    at.expect('}');
    return { set: elements };
  });
}

/** Elements of a named set: a set, or a variable that holds one. */
export function readElements(at: Cursor): NftElement[] {
  const value = at.accept('$') ? readVariable(at) : readSet(at);
  if (typeof value === 'object' && 'set' in value)
    return Array.isArray(value.set) ? [...(value.set as NftElement[])] : [value.set];
  return [value];
}
