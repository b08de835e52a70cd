/** What `ip route` prints of a route by which no packet's way is decided: metrics of TCP, realms, lifetimes. Kept as its own words. */
import { lookUp } from '../lines.ts';

/** Words with one value, as text has them, and their keys in JSON where those differ. */
const METRICS: Readonly<Record<string, string>> = {
  window: 'window',
  rtt: 'rtt',
  rttvar: 'rttvar',
  ssthresh: 'ssthresh',
  cwnd: 'cwnd',
  advmss: 'advmss',
  reordering: 'reordering',
  hoplimit: 'hoplimit',
  initcwnd: 'initcwnd',
  features: 'features',
  rto_min: 'rto_min',
  initrwnd: 'initrwnd',
  quickack: 'quickack',
  congctl: 'congestion',
  fastopen_no_cookie: 'fastopen_no_cookie',
};
const OTHERS = new Set(['realm', 'realms', 'expires', 'error', 'users', 'age', 'used', 'pref', 'ttl-propagate']);
const WITH_MS = new Set(['rtt', 'rttvar', 'rto_min']);

/** Takes the value of `word` off `words`; undefined where the word is none of these. */
export function takeExtra(word: string, words: string[]): string | undefined {
  if (lookUp(METRICS, word) === undefined && !OTHERS.has(word)) return undefined;
  // Whether Linux may learn a better value by itself is not kept.
  if (words[0] === 'lock') words.shift();
  return `${word} ${words.shift() ?? ''}`;
}

interface ExtraRecord {
  metrics?: Record<string, unknown>[];
  flow?: { from?: unknown; to?: unknown };
  expires?: unknown;
  error?: unknown;
  pref?: unknown;
}

export const EXTRA_KEYS = ['metrics', 'flow', 'expires', 'error', 'pref', 'users', 'age', 'used', 'cache'];

/** The same words from `ip -j`. */
export function extraOfRecord({ metrics, flow, expires, error, pref }: ExtraRecord): string | undefined {
  const words: string[] = [];
  if (flow?.to !== undefined)
    words.push(`realm ${flow.from === undefined ? '' : `${String(flow.from)}/`}${String(flow.to)}`);
  for (const [key, value] of Object.entries(metrics?.[0] ?? {})) {
    const name = Object.keys(METRICS).find((text) => METRICS[text] === key);
    if (key === 'ecn') words.push('features ecn');
    else if (name !== undefined)
      words.push(`${name} ${String(value)}${WITH_MS.has(name) && typeof value === 'number' ? 'ms' : ''}`);
  }
  if (expires !== undefined) words.push(`expires ${String(expires)}sec`);
  if (error !== undefined) words.push(`error ${String(error)}`);
  if (pref !== undefined && pref !== 'medium') words.push(`pref ${String(pref)}`);
  return words.length > 0 ? words.join(' ') : undefined;
}

/** Fields of `ip -j` for the words. */
export function recordOfExtra(extra: string | undefined): ExtraRecord {
  if (extra === undefined) return {};
  const metrics: Record<string, unknown> = {};
  const record: ExtraRecord = {};
  const words = extra.split(' ');
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [name, value] = [words[i] as string, words[i + 1] as string];
    const number = /^\d+(ms|sec)?$/.test(value) ? Number.parseInt(value, 10) : value;
    if (name === 'realm' || name === 'realms') {
      const [first = '', second] = value.split('/');
      record.flow = second === undefined ? { to: first } : { from: first, to: second };
    } else if (name === 'expires' || name === 'error' || name === 'pref')
      record[name] = name === 'error' ? Number(value) : number;
    else if (name === 'features') metrics[value] = null;
    else {
      const key = lookUp(METRICS, name);
      if (key !== undefined) metrics[key] = number;
    }
  }
  if (Object.keys(metrics).length > 0) record.metrics = [metrics];
  return record;
}
