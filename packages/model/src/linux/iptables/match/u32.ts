/** `-m u32`: net/netfilter/xt_u32.c. Tests on any four bytes of the packet; the machine knows none but those of the headers. */
import { byName, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { hex, parseNumber } from '../base/numbers.ts';

/** XT_U32_MAXSIZE, of tests, of numbers in a location and of values. */
const MAX = 10;

interface Input {
  text: string;
  at: number;
}

const refuse = (at: number, what: string): never => {
  throw new Refusal(`u32: at char ${at}: ${what}`);
};

function skipBlanks(input: Input): void {
  while (/\s/.test(input.text.charAt(input.at))) input.at++;
}

function readNumber(input: Input): string {
  skipBlanks(input);
  const digits = /^(0[xX][0-9a-fA-F]+|[0-9]+)/.exec(input.text.slice(input.at))?.[0];
  const value = digits === undefined ? undefined : parseNumber(digits);
  if (digits === undefined || value === undefined) return refuse(input.at, 'not a number or out of range');
  input.at += digits.length;
  skipBlanks(input);
  return hex(value);
}

/** `6&0xFF>>8`, up to the `=`. */
function readLocation(input: Input): string {
  let printed = readNumber(input);
  for (let count = 1; ; count++) {
    const rest = input.text.slice(input.at);
    if (rest.startsWith('=')) {
      input.at++;
      return printed;
    }
    if (rest === '') throw new Refusal('u32: abrupt end of input after location specifier');
    const operator = ['&', '<<', '>>', '@'].find((op) => rest.startsWith(op)) ?? refuse(input.at, 'operator expected');
    if (count === MAX) refuse(input.at, 'too many operators');
    input.at += operator.length;
    printed += operator + readNumber(input);
  }
}

/** `1,5:7`, up to `&&` or the end. */
function readValues(input: Input): string {
  const values: string[] = [];
  do {
    if (values.length === MAX) refuse(input.at, 'too many ","s');
    if (input.text.charAt(input.at) === ',' && values.length > 0) input.at++;
    const from = readNumber(input);
    let to = from;
    if (input.text.charAt(input.at) === ':') {
      input.at++;
      to = readNumber(input);
    }
    values.push(from === to ? from : `${from}:${to}`);
  } while (input.text.charAt(input.at) === ',');
  return values.join(',');
}

function readTests(text: string): string {
  const input: Input = { text, at: 0 };
  const tests: string[] = [];
  for (;;) {
    if (tests.length > MAX) refuse(input.at, 'too many "&&"s');
    tests.push(`${readLocation(input)}=${readValues(input)}`);
    if (input.at >= text.length) return tests.join('&&');
    if (!text.startsWith('&&', input.at)) refuse(input.at, 'expected "," or "&&"');
    input.at += 2;
  }
}

export const u32: MatchExtension = {
  name: 'u32',
  options: [option('u32', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'u32', 'u32');
    const test = byName(given).get('u32');
    return { kind: 'unmodelled', text: `-m u32 ${test?.not ? '! ' : ''}--u32 "${readTests(word(test))}"` };
  },
};
