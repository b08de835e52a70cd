/** set_match_v4 (xt_set.c). */
import { skb, some } from '../core/skb';
import { SetStatement, Statement } from '../layout/statement';
import { setByName, setTest } from '../set/sets';
import { inverted } from './header';

/** A set that is not there has no elements. */
export function matchSet(at: usize): bool {
  const test = changetype<SetStatement>(at);
  const set = setByName(skb().netns, changetype<Statement>(at).argument);
  const holds = some(set) && setTest(set, test.dimensions, test.source);
  return holds != inverted(at);
}
