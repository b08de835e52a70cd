/** physdev_mt (net/netfilter/xt_physdev.c). */
import type { Match } from '../src/index.ts';
import { nameMatches } from './match.ts';
import type { Skb } from './state.ts';

const is = (test: { not?: boolean } | undefined, fact: boolean): boolean => !test || fact !== (test.not === true);

export function matchPhysdev(skb: Skb, match: Match & { kind: 'physdev' }): boolean {
  const { bridge } = skb;
  // Without bridge information a test holds only where it is negated.
  if (!bridge) return [match.isBridged, match.isIn, match.isOut, match.in, match.out].every((test) => is(test, false));
  const out = bridge.physout?.name;
  if (!is(match.isBridged, out !== undefined)) return false;
  if (!is(match.isIn, true) || !is(match.isOut, out !== undefined)) return false;
  if (match.in && nameMatches(match.in.name, bridge.physin.name) === (match.in.not === true)) return false;
  if (!match.out) return true;
  const holds = out !== undefined && nameMatches(match.out.name, out);
  return holds !== (match.out.not === true);
}
