/** `-m rateest`: net/netfilter/xt_rateest.c. It compares what `-j RATEEST` rules measure, which nobody knows here. */
import { dictionary } from '../base/dictionary.ts';
import { byName, type Context, type Given, type MatchExtension, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { bareWord } from '../base/words.ts';

/** Bits per second; any case. */
const UNITS: Readonly<Record<string, number>> = dictionary({
  bit: 1,
  kibit: 2 ** 10,
  kbit: 1e3,
  mibit: 2 ** 20,
  mbit: 1e6,
  gibit: 2 ** 30,
  gbit: 1e9,
  tibit: 2 ** 40,
  tbit: 1e12,
  bps: 8,
  kibps: 8 * 2 ** 10,
  kbps: 8e3,
  mibps: 8 * 2 ** 20,
  mbps: 8e6,
  gibps: 8 * 2 ** 30,
  gbps: 8e9,
  tibps: 8 * 2 ** 40,
  tbps: 8e12,
});
const U32 = 0xffffffff;

/** Bytes per second, as the kernel keeps it: 32 bits. */
function readRate(text: string): number {
  const m = /^(\d*\.?\d+|\d+\.)(?:[eE]([-+]?\d+))?([a-zA-Z]*)$/.exec(text);
  const scale = m?.[3] ? UNITS[m[3].toLowerCase()] : 1;
  if (!m || scale === undefined) throw new Refusal(`rateest: could not parse rate \`${text}'`);
  const bytes = Math.floor((Number(m[1]) * 10 ** Number(m[2] ?? 0) * scale) / 8);
  if (bytes > U32) throw new Refusal(`rateest: could not parse rate \`${text}'`);
  return bytes;
}

function printRate(bytes: number): string {
  const bits = bytes * 8;
  if (bits >= 1e9) return `${roundHalfEven(bits / 1e6)}Mbit`;
  if (bits >= 1e6) return `${roundHalfEven(bits / 1e3)}Kbit`;
  return `${bits}bit`;
}

/** As `%.0f` rounds. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

const MODES = ['rateest-lt', 'rateest-gt', 'rateest-eq'];
type Measure = 'bps' | 'pps';

interface Rates {
  name: Measure;
  /** Of the first and the second estimator, or difference. */
  first: string;
  second: string;
}

function readRates(g: Map<string, Given>, name: Measure): Rates | undefined {
  const tests = [g.get(`rateest-${name}1`), g.get(`rateest-${name}2`)];
  if (tests.every((test) => test === undefined)) return undefined;
  const read = (test: Given | undefined): string => {
    const text = test?.values[0];
    if (name === 'bps') return printRate(text === undefined ? 0 : readRate(text));
    return String(text === undefined ? 0 : number(`rateest-${name}`, text));
  };
  return { name, first: read(tests[0]), second: read(tests[1]) };
}

function checkEstimators(names: readonly string[], { place }: Context): void {
  const missing = names.find((name) => place.objects?.rateest?.has(name) === false);
  if (missing !== undefined) throw new Refusal(`rateest: there is no estimator "${missing}"`);
}

export const rateest: MatchExtension = {
  name: 'rateest',
  options: [
    option('rateest1', 1, { aliases: ['rateest'] }),
    option('rateest2', 1),
    option('rateest-bps1', 'optional'),
    option('rateest-pps1', 'optional'),
    option('rateest-bps2', 'optional', { aliases: ['rateest-bps'] }),
    option('rateest-pps2', 'optional', { aliases: ['rateest-pps'] }),
    option('rateest-delta', 0),
    // The tool prints the test once for bytes and once for packets.
    ...MODES.map((name) => option(name, 0, { negatable: true, repeatable: true })),
  ],
  parse(given, context) {
    const g = byName(given);
    const mode = given.find((o) => MODES.includes(o.name));
    const others = given.filter((o) => MODES.includes(o.name) && (o.name !== mode?.name || o.not !== mode.not));
    if (others.length) throw new Refusal("rateest: can't specify lt/gt/eq twice");
    const bps = readRates(g, 'bps');
    const pps = readRates(g, 'pps');
    // net/netfilter/xt_rateest.c:xt_rateest_mt_checkentry().
    if (!mode) throw new Refusal('rateest: option "--rateest-lt", "--rateest-gt" or "--rateest-eq" must be specified');
    if (!bps && !pps) throw new Refusal('rateest: option "--rateest-bps" or "--rateest-pps" must be specified');
    const first = word(g.get('rateest1'));
    const second = g.get('rateest2');
    checkEstimators([first, ...(second ? [word(second)] : [])], context);
    const delta = g.has('rateest-delta');
    const test = `${mode.not ? '! ' : ''}--${mode.name}`;
    const out = ['-m rateest'];
    if (delta) out.push('--rateest-delta');
    out.push(`--${second ? 'rateest1' : 'rateest'} ${bareWord(first)}`);
    for (const rates of [bps, pps]) {
      if (!rates) continue;
      const { name } = rates;
      if (delta) out.push(`--rateest-${name}1 ${rates.first} ${test} --rateest-${name}2`);
      else out.push(`${test} --rateest-${name}`);
      // Between two estimators as they are there is no number to name.
      if (delta || !second) out.push(rates.second);
    }
    if (second) out.push(`--rateest2 ${bareWord(word(second))}`);
    return { kind: 'unmodelled', text: out.join(' ') };
  },
};
