/** Tests that are drawn anew each time a packet meets them. */
import { FALSE, TRUE } from '../space/diagram.ts';
import type { MatchSet } from './context.ts';

const WHOLE = 2 ** 31;

/** statistic_mt (net/netfilter/xt_statistic.c). */
export const statistic: MatchSet<'statistic'> = ({ space, draw }, match) => {
  if (match.mode === 'nth') {
    const { every, packet } = match;
    return space.unless(
      match.not,
      every <= 1 ? TRUE : draw(`-m statistic --mode nth --every ${every} --packet ${packet}`),
    );
  }
  const { probability } = match;
  if (probability <= 0 || probability >= WHOLE) return space.unless(match.not, probability > 0 ? TRUE : FALSE);
  const odds = (probability / WHOLE).toFixed(11);
  return space.unless(match.not, draw(`-m statistic --mode random --probability ${odds}`));
};

/** recent_mt (net/netfilter/xt_recent.c): `--set` holds whatever the list has. */
export const recent: MatchSet<'recent'> = ({ space, draw }, match) => {
  if (match.action === 'set') return space.unless(match.not, TRUE);
  const { name, action, side, mask, seconds, hitcount, rttl, reap } = match;
  const words = [
    `-m recent --${action} --name ${name} --mask ${mask} --r${side}`,
    ...(seconds === undefined ? [] : [`--seconds ${seconds}`]),
    ...(hitcount === undefined ? [] : [`--hitcount ${hitcount}`]),
    ...(rttl ? ['--rttl'] : []),
    ...(reap ? ['--reap'] : []),
  ];
  return space.unless(match.not, draw(words.join(' ')));
};

export const limit: MatchSet<'limit'> = ({ draw }, { text }) => draw(text);

/** Whose socket it is, too. */
export const unmodelled: MatchSet<'unmodelled' | 'owner'> = ({ opaque }, { text }) => opaque(text);
