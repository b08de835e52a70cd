/** `-m hashlimit`: net/netfilter/xt_hashlimit.c. How full its buckets are nobody knows, so that the match keeps its text. */
import { prefixLength } from '../base/address.ts';
import {
  bytesToCost,
  costToBytes,
  printByteBurst,
  printByteRate,
  readByteBurst,
  readByteRate,
} from '../base/byte-rate.ts';
import {
  byName,
  type Context,
  exclusive,
  type Given,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { printRate, readRate, unitOf, writtenUnit } from '../base/rate.ts';
import { bareWord, cutBytes, procName } from '../base/words.ts';

/** XT_HASHLIMIT_SCALE_v2. */
const SCALE = 1_000_000;
const DEFAULT_BURST = 5n;
const BURST_MAX = 1_000_000n;
const DEFAULT_INTERVAL_MS = 1000;
/** XT_HASHLIMIT_BYTE_EXPIRE, XT_HASHLIMIT_BYTE_EXPIRE_BURST, of entries that count bytes. */
const EXPIRE_S = { bytes: 15, bytesWithBurst: 60 };
const NAME_MAX = 254;
/** HASHLIMIT_MAX_SIZE: the kernel lowers what is above. */
const SIZE_MAX = 1_048_576;
const MODES = ['srcip', 'srcport', 'dstip', 'dstport'];

function readMode(text: string): string {
  const asked = text.split(/[,|]/).filter((mode) => mode !== '');
  const strange = asked.find((mode) => !MODES.includes(mode));
  if (strange !== undefined) throw new Refusal(`hashlimit: Bad value for "--hashlimit-mode" option: "${text}"`);
  return MODES.filter((mode) => asked.includes(mode)).join(',');
}

interface Rate {
  text: string;
  /** `--hashlimit-burst`, as printed; bytes without one have none. */
  burst: string | undefined;
  /** Milliseconds that entries live unless told otherwise: what is assumed, and what is not printed. */
  expireMs: { assumed: number; silent: number };
  /** Seconds of the unit as written. */
  unitS: number;
}

function readBytes(text: string, burst: Given | undefined): Rate | undefined {
  const rate = readByteRate(text);
  if (rate === undefined) return undefined;
  const cost = bytesToCost(rate);
  if (cost === 0n) throw new Refusal(`Rate too high "${text}"`);
  const unitS = EXPIRE_S.bytes;
  if (!burst) {
    const expire = EXPIRE_S.bytes * 1000;
    return { text: printByteRate(cost), burst: undefined, expireMs: { assumed: expire, silent: expire }, unitS };
  }
  const each = costToBytes(cost);
  const asked = readByteBurst(word(burst), BURST_MAX);
  if (asked < each) throw new Refusal(`burst cannot be smaller than ${each}b`);
  const count = each === 0n ? 0n : (asked + each - 1n) / each;
  const expire = EXPIRE_S.bytesWithBurst * 1000;
  return {
    text: printByteRate(cost),
    burst: printByteBurst(each * count),
    expireMs: { assumed: expire, silent: expire },
    unitS,
  };
}

function readPackets(text: string, burst: Given | undefined, rateMatch: boolean): Rate {
  const period = readRate(text, SCALE);
  const unitS = writtenUnit(text);
  const count = burst ? readByteBurst(word(burst), BURST_MAX) : DEFAULT_BURST;
  if (count > BURST_MAX)
    throw new Refusal(`bad value for option "--hashlimit-burst", or out of range (1-${BURST_MAX}).`);
  // With --hashlimit-rate-match the rate is kept per second.
  const kept = rateMatch ? Math.floor(period / unitS) : period;
  return {
    text: printRate(kept, SCALE),
    burst: count.toString(),
    expireMs: { assumed: unitS * 1000, silent: unitOf(kept, SCALE) * 1000 },
    unitS,
  };
}

function readInterval(g: Map<string, Given>, { unitS }: Rate, bytes: boolean): number {
  const asked = g.get('hashlimit-rate-interval');
  if (!asked) return bytes ? 1 : unitS;
  const value = Number(/^\d+/.exec(word(asked))?.[0] ?? 0);
  if (value === 0) throw new Refusal(`hashlimit: Bad value for "--${asked.name}" option: "${word(asked)}"`);
  return value;
}

/** Numbers that are printed unless they are what goes without saying. */
function printTable(g: Map<string, Given>, { expireMs }: Rate, { family }: Context): string[] {
  const number32 = (name: string, assumed: number, silent: number, max = 0xffffffff) => {
    const asked = g.get(`hashlimit-${name}`);
    const value = Math.min(asked ? number(asked.name, word(asked)) : assumed, max);
    return value === silent ? [] : [`--hashlimit-${name} ${value}`];
  };
  const mask = (name: string) => {
    const asked = g.get(`hashlimit-${name}`);
    const length = prefixLength(family, asked && word(asked));
    return length === prefixLength(family) ? [] : [`--hashlimit-${name} ${length}`];
  };
  return [
    ...number32('htable-size', 0, 0, SIZE_MAX),
    ...number32('htable-max', 0, 0, SIZE_MAX),
    ...number32('htable-gcinterval', DEFAULT_INTERVAL_MS, DEFAULT_INTERVAL_MS),
    ...number32('htable-expire', expireMs.assumed, expireMs.silent),
    ...mask('srcmask'),
    ...mask('dstmask'),
  ];
}

/** net/netfilter/xt_hashlimit.c:hashlimit_mt_check_common(). */
function checkTable(g: Map<string, Given>): void {
  for (const name of ['hashlimit-htable-gcinterval', 'hashlimit-htable-expire']) {
    const asked = g.get(name);
    if (asked && number(name, word(asked)) === 0) throw new Refusal(`hashlimit: --${name} must not be 0`);
  }
}

export const hashlimit: MatchExtension = {
  name: 'hashlimit',
  options: [
    option('hashlimit-upto', 1, { negatable: true, aliases: ['hashlimit'] }),
    option('hashlimit-above', 1, { negatable: true }),
    ...[
      'srcmask',
      'dstmask',
      'burst',
      'htable-size',
      'htable-max',
      'htable-gcinterval',
      'htable-expire',
      'mode',
      'name',
    ].map((name) => option(`hashlimit-${name}`, 1)),
    option('hashlimit-rate-match', 0),
    option('hashlimit-rate-interval', 1),
  ],
  parse(given, context) {
    exclusive(given, 'hashlimit', ['hashlimit-upto', 'hashlimit-above']);
    needOption(given, 'hashlimit', 'hashlimit-name');
    const g = byName(given);
    const asked = g.get('hashlimit-upto') ?? g.get('hashlimit-above');
    if (!asked) throw new Refusal('You have to specify --hashlimit');
    const name = procName(cutBytes(word(g.get('hashlimit-name')), NAME_MAX));
    if (name === '') throw new Refusal('Argument must have a minimum length of 1 characters');
    checkTable(g);
    const rateMatch = g.has('hashlimit-rate-match');
    const burst = g.get('hashlimit-burst');
    const bytes = readBytes(word(asked), burst);
    const rate = bytes ?? readPackets(word(asked), burst, rateMatch);
    const above = (asked.name === 'hashlimit-above') !== asked.not;
    const mode = g.has('hashlimit-mode') ? readMode(word(g.get('hashlimit-mode'))) : '';
    const out = [`-m hashlimit --hashlimit-${above ? 'above' : 'upto'} ${rate.text}`];
    if (rate.burst !== undefined) out.push(`--hashlimit-burst ${rate.burst}`);
    if (mode !== '') out.push(`--hashlimit-mode ${mode}`);
    out.push(`--hashlimit-name ${bareWord(name)}`, ...printTable(g, rate, context));
    const interval = readInterval(g, rate, bytes !== undefined);
    if (rateMatch)
      out.push('--hashlimit-rate-match', ...(interval === 1 ? [] : [`--hashlimit-rate-interval ${interval}`]));
    return { kind: 'limit', text: out.join(' ') };
  },
};
