/**
 * Scalars as Kubernetes reads them: goyaml.v2 (sigs.k8s.io/yaml/goyaml.v2, resolve.go) and the conversion to JSON in sigs.k8s.io/yaml.
 * Neither YAML 1.1 nor 1.2: `y` and `on` are booleans, `0644` and `0o17` are octal, `1_000` is a number, `12:30:45` and dates are text.
 */
export type Scalar = string | number | boolean | null;

/** A value or key that the API server's reader refuses. */
export class ScalarError extends Error {}

const words = new Map<string, Scalar>();
for (const text of ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']) words.set(text, true);
for (const text of ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']) words.set(text, false);
for (const text of ['', '~', 'null', 'Null', 'NULL']) words.set(text, null);
for (const text of ['.nan', '.NaN', '.NAN']) words.set(text, Number.NaN);
for (const text of ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF']) words.set(text, Number.POSITIVE_INFINITY);
for (const text of ['-.inf', '-.Inf', '-.INF']) words.set(text, Number.NEGATIVE_INFINITY);

/** What the first character promises; every other character begins a string. */
const WORD = 1;
const DOT = 2;
const DIGIT = 3;

const hints = new Uint8Array(128);
for (const first of 'yYnNtTfFoO~') hints[first.charCodeAt(0)] = WORD;
for (const first of '+-0123456789') hints[first.charCodeAt(0)] = DIGIT;
hints['.'.charCodeAt(0)] = DOT;

const decimal = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const integer = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
/** Go's strconv.ParseFloat lets single underscores stand between digits. */
const dotted = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;

/** `text` matches `integer`. */
function parseInteger(text: string): number {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '').toLowerCase();
  let value: number;
  if (/^0[xbo]/.test(digits)) value = Number(digits);
  else if (digits.startsWith('0')) value = Number.parseInt(digits, 8);
  else value = Number(digits);
  return negative && value !== 0 ? -value : value;
}

function finite(value: number, text: string): Scalar {
  return Number.isFinite(value) ? value : text;
}

/** A scalar that is neither quoted nor tagged. */
export function resolvePlain(text: string): Scalar {
  const first = text.charCodeAt(0);
  const hint = text === '' ? WORD : hints[first];
  if (hint === undefined || hint === 0) return text;
  const word = words.get(text);
  if (word !== undefined) {
    if (typeof word === 'number') throw new ScalarError(`${text} is no number that JSON can hold`);
    return word;
  }
  if (hint === WORD) return text;
  if (hint === DOT) return dotted.test(text) ? finite(Number(text.replaceAll('_', '')), text) : text;
  const plain = text.replaceAll('_', '');
  if (integer.test(plain)) return parseInteger(plain);
  return decimal.test(plain) ? finite(Number(plain), text) : text;
}

const yamlTag = 'tag:yaml.org,2002:';
const date =
  /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?$/;

function decodeBase64(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text.replace(/[\r\n]/g, '')), (char) => char.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    throw new ScalarError('!!binary value contains invalid base64 data');
  }
}

function typeName(value: Scalar, text: string): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return integer.test(text.replaceAll('_', '')) ? 'int' : 'float';
  return typeof value === 'boolean' ? 'bool' : 'str';
}

/** A scalar with an explicit tag, given in full (`tag:yaml.org,2002:int`); a tag that is not YAML's own leaves a string. */
export function resolveTagged(tag: string, text: string): Scalar {
  const type = tag.startsWith(yamlTag) ? tag.slice(yamlTag.length) : '';
  if (type === 'binary') return decodeBase64(text);
  if (type === 'timestamp' && date.test(text)) return text;
  if (!['bool', 'int', 'float', 'null', 'timestamp'].includes(type)) return text;
  const value = resolvePlain(text);
  const found = typeName(value, text);
  if (found === type || (type === 'float' && found === 'int')) return value;
  throw new ScalarError(`cannot decode !!${found} \`${text}\` as a !!${type}`);
}

/** A mapping key as JSON has it: always a string. */
export function keyText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ScalarError(value === null ? 'a key is empty' : 'a key is a list or a mapping');
}
