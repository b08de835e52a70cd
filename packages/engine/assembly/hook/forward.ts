import { Hook } from '../../src/terms';
import { FIRST, LAST, runChains } from './chains';

/** mangle -150, filter 0, security 50. */
export function forward(): bool {
  return runChains(Hook.FORWARD, FIRST, LAST);
}
