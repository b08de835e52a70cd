/** `-j HMARK`: net/netfilter/xt_HMARK.c, a mark made of a hash of addresses and ports. */
import { prefixLength } from '../base/address.ts';
import { type Context, type Given, option, Refusal, type TargetExtension } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

const hexadecimal = (digits: number) => (value: number) => `0x${value.toString(16).padStart(digits, '0')}`;

/** In the order in which they are printed, behind the prefixes: option, its highest value, its printer. */
const NUMBERS: readonly (readonly [string, number, (value: number) => string])[] = [
  ['hmark-sport-mask', U16, hexadecimal(4)],
  ['hmark-dport-mask', U16, hexadecimal(4)],
  ['hmark-spi-mask', U32, hexadecimal(8)],
  ['hmark-sport', U16, hexadecimal(4)],
  ['hmark-dport', U16, hexadecimal(4)],
  ['hmark-spi', U32, hexadecimal(8)],
  ['hmark-proto-mask', U16, hexadecimal(2)],
  ['hmark-rnd', U32, hexadecimal(8)],
  ['hmark-mod', U32, String],
  ['hmark-offset', U32, String],
];
const PREFIXES = ['hmark-src-prefix', 'hmark-dst-prefix'];

/** What `--hmark-tuple src` says in other words; names may be cut short. */
const TUPLE: readonly (readonly [string, string, number])[] = [
  ['src', 'hmark-src-prefix', -1],
  ['dst', 'hmark-dst-prefix', -1],
  ['sport', 'hmark-sport-mask', U16],
  ['dport', 'hmark-dport-mask', U16],
  ['proto', 'hmark-proto-mask', U16],
  ['spi', 'hmark-spi-mask', U32],
];

type Values = Map<string, number>;

function readTuple(text: string, values: Values, { family }: Context): boolean {
  let ct = false;
  for (const part of text.split(',')) {
    const lower = part.toLowerCase();
    if (lower === '') throw new Refusal(`Bad type "${text}"`);
    if ('ct'.startsWith(lower)) {
      ct = true;
      continue;
    }
    const found = TUPLE.find(([name]) => name.startsWith(lower));
    if (!found) throw new Refusal(`Bad type "${part}"`);
    values.set(found[1], found[2] < 0 ? prefixLength(family) : found[2]);
  }
  return ct;
}

function readValues(given: readonly Given[], context: Context): { values: Values; ct: boolean } {
  const values: Values = new Map();
  let ct = false;
  for (const { name, values: words } of given) {
    const text = words[0] ?? '';
    if (name === 'hmark-tuple') ct = readTuple(text, values, context);
    else if (PREFIXES.includes(name)) values.set(name, prefixLength(context.family, text));
    else {
      const max = NUMBERS.find(([known]) => known === name)?.[1] ?? U32;
      values.set(name, number(name, text, max, name === 'hmark-mod' ? 1 : 0));
    }
  }
  return { values, ct };
}

export const hmark: TargetExtension = {
  name: 'HMARK',
  options: ['hmark-tuple', ...PREFIXES, ...NUMBERS.map(([name]) => name)].map((name) => option(name, 1)),
  parse(given, context) {
    const { values, ct } = readValues(given, context);
    if (!values.has('hmark-mod')) throw new Refusal('--hmark-mod is mandatory');
    if (!values.has('hmark-rnd')) throw new Refusal('--hmark-rnd is mandatory');
    const ports = values.has('hmark-sport-mask') || values.has('hmark-dport-mask');
    if (values.has('hmark-spi-mask') && ports) {
      throw new Refusal('you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time');
    }
    const about = ['rnd', 'mod', 'offset'].map((name) => `hmark-${name}`);
    if (!ct && [...values.keys()].every((name) => about.includes(name))) {
      throw new Refusal('you have to specify --hmark-tuple at least');
    }
    const out = ['-j HMARK'];
    const add = (name: string, print: (value: number) => string) => {
      const value = values.get(name);
      if (value !== undefined) out.push(`--${name} ${print(value)}`);
    };
    for (const name of PREFIXES) add(name, String);
    for (const [name, , print] of NUMBERS) add(name, print);
    if (ct) out.push('--hmark-tuple ct');
    return { kind: 'unmodelled-target', text: out.join(' ') };
  },
};
