import { Hook } from '../../src/terms';
import { confirm } from '../ct/track';
import { FIRST, LAST, NAT_SRC, runChains, tracks, translates } from './chains';
import { nat } from './nat';

/** mangle -150, filter 0, security 50, nat 100 (source), confirm. */
export function input(): bool {
  if (!tracks()) return runChains(Hook.INPUT, FIRST, LAST);
  if (!runChains(Hook.INPUT, FIRST, NAT_SRC)) return false;
  if (translates() && !nat(Hook.INPUT)) return false;
  if (!runChains(Hook.INPUT, NAT_SRC, LAST)) return false;
  return confirm();
}
