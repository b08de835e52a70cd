/** set_match_v4 (xt_set.c). */
import { ChoiceKind } from '../../src/terms';
import { choose } from '../core/choice';
import { skb, some } from '../core/skb';
import { SetStatement, Statement } from '../layout/statement';
import { SetAnswer, setByName, setTest } from '../set/sets';
import { inverted } from './header';

/** A set of a type that is not modelled makes a choice point: alternative 0 means that the statement holds as written. */
export function matchSet(at: usize): bool {
  const test = changetype<SetStatement>(at);
  const set = setByName(skb().netns, changetype<Statement>(at).argument);
  if (!some(set)) return inverted(at);
  const answer = setTest(set, test.dimensions, test.source);
  if (answer == SetAnswer.UNKNOWN) return choose(ChoiceKind.UNMODELLED, 2, false, at, 0) == 0;
  return (answer == SetAnswer.IN) != inverted(at);
}
