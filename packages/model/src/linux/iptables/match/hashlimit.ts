/** `-m hashlimit`: net/netfilter/xt_hashlimit.c. How full its buckets are nobody knows, so that the match keeps its text. */
import { byName, exclusive, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { printRate, readRate, unitOf } from '../base/rate.ts';
import { quoteWord } from '../base/words.ts';

/** XT_HASHLIMIT_SCALE_v2. */
const SCALE = 1_000_000;
const DEFAULT_BURST = 5;
const DEFAULT_INTERVAL_MS = 1000;
const MODES = ['srcip', 'srcport', 'dstip', 'dstport'];
/** `4kb/s`: bytes instead of packets. */
const BYTES = /^([0-9]+)([km]?)b?\/s$/;

function readMode(text: string): string {
  const asked = text.split(',');
  const strange = asked.find((mode) => !MODES.includes(mode));
  if (strange !== undefined) throw new Refusal(`bad value for option "--hashlimit-mode": "${strange}"`);
  return MODES.filter((mode) => asked.includes(mode)).join(',');
}

export const hashlimit: MatchExtension = {
  name: 'hashlimit',
  options: [
    option('hashlimit-upto', 1, { aliases: ['hashlimit'] }),
    option('hashlimit-above', 1),
    option('hashlimit-burst', 1),
    option('hashlimit-mode', 1),
    option('hashlimit-name', 1),
    option('hashlimit-htable-size', 1),
    option('hashlimit-htable-max', 1),
    option('hashlimit-htable-gcinterval', 1),
    option('hashlimit-htable-expire', 1),
    option('hashlimit-srcmask', 1),
    option('hashlimit-dstmask', 1),
    option('hashlimit-rate-match', 0),
    option('hashlimit-rate-interval', 1),
  ],
  parse(given, { family }) {
    needOption(given, 'hashlimit', 'hashlimit-upto', 'hashlimit-above');
    needOption(given, 'hashlimit', 'hashlimit-name');
    exclusive(given, 'hashlimit', ['hashlimit-upto', 'hashlimit-above']);
    const g = byName(given);
    const rate = g.get('hashlimit-upto') ?? g.get('hashlimit-above');
    const bytes = BYTES.test(word(rate));
    const period = bytes ? 0 : readRate(word(rate), SCALE);
    const out = [`-m hashlimit --${rate?.name} ${bytes ? word(rate) : printRate(period, SCALE)}`];
    const add = (name: string, value: string | number | undefined) => {
      if (value !== undefined) out.push(`--hashlimit-${name} ${value}`);
    };
    const count = (name: string, omit?: number) => {
      const asked = g.get(`hashlimit-${name}`);
      const value = asked && number(asked.name, word(asked));
      return value === omit ? undefined : value;
    };
    if (bytes) add('burst', g.has('hashlimit-burst') ? word(g.get('hashlimit-burst')) : undefined);
    else add('burst', count('burst') ?? DEFAULT_BURST);
    add('mode', g.has('hashlimit-mode') ? readMode(word(g.get('hashlimit-mode'))) : undefined);
    add('name', quoteWord(word(g.get('hashlimit-name'))));
    add('htable-size', count('htable-size'));
    add('htable-max', count('htable-max'));
    add('htable-gcinterval', count('htable-gcinterval', DEFAULT_INTERVAL_MS));
    // Entries live as long as the unit of the rate, unless told otherwise.
    add('htable-expire', count('htable-expire', (bytes ? 1 : unitOf(period, SCALE)) * 1000));
    const whole = family === 'ip' ? 32 : 128;
    add('srcmask', count('srcmask', whole));
    add('dstmask', count('dstmask', whole));
    if (g.has('hashlimit-rate-match')) out.push('--hashlimit-rate-match');
    add('rate-interval', count('rate-interval', 1));
    return { kind: 'limit', text: out.join(' ') };
  },
};
