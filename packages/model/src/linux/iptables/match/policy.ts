/** `-m policy`: net/netfilter/xt_policy.c. How a packet was or will be wrapped by IPsec; each `--next` begins another transformation. */
import { prefix, printHostPrefix } from '../base/address.ts';
import {
  bang,
  type Context,
  type Given,
  type MatchExtension,
  option,
  Refusal,
  refuseIn,
  word,
} from '../base/extension.ts';
import { protocolName, protocolNumber } from '../base/names.ts';
import { hex, number, parseNumber } from '../base/numbers.ts';

/** XT_POLICY_MAX_ELEM. */
const MAX_ELEMENTS = 4;
const IPSEC = [50, 51, 108];

type Printer = (text: string, context: Context) => string;

function protocol(text: string): string {
  const value = protocolNumber(text) ?? parseNumber(text, 255);
  if (value === undefined) throw new Refusal(`unknown protocol "${text}" specified`);
  if (!IPSEC.includes(value)) throw new Refusal('policy match: protocol must be ah/esp/ipcomp');
  return protocolName(value);
}

function mode(text: string): string {
  if (text !== 'transport' && text !== 'tunnel') throw new Refusal(`policy match: invalid mode "${text}"`);
  return text;
}

const network: Printer = (text, { family }) => printHostPrefix(prefix(family, text, true));

/** In the order in which they are printed. */
const ELEMENT: Readonly<Record<string, Printer>> = {
  reqid: (text) => String(number('reqid', text)),
  spi: (text) => hex(number('spi', text)),
  proto: protocol,
  mode,
  'tunnel-dst': network,
  'tunnel-src': network,
};

function readElement(element: readonly Given[], strict: boolean, index: number, context: Context): string[] {
  for (const { name } of element) {
    if (element.filter((g) => g.name === name).length > 1) throw new Refusal(`policy match: double --${name} option`);
  }
  if (strict && element.length === 0) {
    throw new Refusal(
      `policy match: empty policy element ${index}. --strict is in effect, but at least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.`,
    );
  }
  const asked = element.find((g) => g.name === 'mode');
  // No mode at all counts as transport mode, as the kernel's structure begins with it.
  const tunnel = asked !== undefined && (word(asked) === 'tunnel') !== asked.not;
  if (!tunnel && element.some((g) => g.name.startsWith('tunnel-'))) {
    throw new Refusal('policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode');
  }
  return Object.entries(ELEMENT).flatMap(([name, print]) =>
    element.filter((g) => g.name === name).map((g) => `${bang(g.not)}--${name} ${print(word(g), context)}`),
  );
}

function checkDirection(direction: string, context: Context): void {
  if (direction === 'out') {
    refuseIn(context, ['PREROUTING', 'INPUT'], 'policy match: output policy not valid in PREROUTING and INPUT');
  } else {
    refuseIn(context, ['POSTROUTING', 'OUTPUT'], 'policy match: input policy not valid in POSTROUTING and OUTPUT');
  }
}

export const policy: MatchExtension = {
  name: 'policy',
  options: [
    option('dir', 1),
    option('pol', 1),
    option('strict', 0),
    option('next', 0, { repeatable: true }),
    ...Object.keys(ELEMENT).map((name) => option(name, 1, { negatable: true, repeatable: true })),
  ],
  parse(given, context) {
    const direction = word(given.find((g) => g.name === 'dir'));
    if (direction === '') throw new Refusal('policy match: neither --dir in nor --dir out specified');
    if (direction !== 'in' && direction !== 'out') throw new Refusal(`policy_match: invalid dir "${direction}"`);
    const asked = given.find((g) => g.name === 'pol');
    const which = asked ? word(asked) : 'ipsec';
    if (which !== 'none' && which !== 'ipsec') throw new Refusal(`policy match: invalid policy "${which}"`);
    const strict = given.some((g) => g.name === 'strict');
    const elements: Given[][] = [[]];
    for (const g of given) {
      if (g.name === 'next') elements.push([]);
      else if (g.name in ELEMENT) elements.at(-1)?.push(g);
    }
    if (elements.length > 1 && !strict) throw new Refusal('policy: option "--next" also requires "--strict".');
    if (elements.length > MAX_ELEMENTS) throw new Refusal('policy match: maximum policy depth reached');
    const out = [`-m policy --dir ${direction} --pol ${which}`];
    checkDirection(direction, context);
    if (which === 'none') {
      if (strict) throw new Refusal('policy match: policy none but --strict given');
      // The tool reads what is given for an element all the same, and keeps nothing of it.
      for (const { name, values } of elements.flat()) ELEMENT[name]?.(values[0] ?? '', context);
      return { kind: 'unmodelled', text: out.join(' ') };
    }
    if (strict) out.push('--strict');
    for (const [index, element] of elements.entries()) {
      if (index > 0) out.push('--next');
      out.push(...readElement(element, strict, index, context));
    }
    return { kind: 'unmodelled', text: out.join(' ') };
  },
};
