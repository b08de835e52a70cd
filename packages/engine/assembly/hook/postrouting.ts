import { Hook } from '../../src/terms';
import { confirm } from '../ct/track';
import { FIRST, LAST, NAT_SRC, runChains, tracks, translates } from './chains';
import { nat } from './nat';

/** mangle -150, nat 100 (source), confirm. */
export function postrouting(): bool {
  if (!tracks()) return runChains(Hook.POSTROUTING, FIRST, LAST);
  if (!runChains(Hook.POSTROUTING, FIRST, NAT_SRC)) return false;
  if (translates() && !nat(Hook.POSTROUTING)) return false;
  if (!runChains(Hook.POSTROUTING, NAT_SRC, LAST)) return false;
  return confirm();
}
