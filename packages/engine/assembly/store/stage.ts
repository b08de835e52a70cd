/** Where the host writes the keys of a batch, and reads the answers: `STAGE_KEYS` keys at most in one call. */
import { claim } from '../core/memory';

export const STAGE_KEYS: u32 = 1024;

/** Keys or packets, up to 64 bytes each. */
export const STAGE_IN: usize = memory.data(1024 * 64, 16);
/** Answers, a u32 each. */
export const STAGE_OUT: usize = memory.data(1024 * 4, 16);

/** Opens the memory of an instance that holds maps and no machine. */
export function stageOpen(): void {
  claim(__heap_base);
}
