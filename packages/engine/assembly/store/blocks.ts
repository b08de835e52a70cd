/**
 * Blocks of memory that are handed back and used again, for tables that grow and are rebuilt. Sizes come in four steps per power of two,
 * so that at most a fifth of a block is unused; a block handed back waits in the list of its size.
 */
import { allocate } from '../core/memory';

/** Cache lines: chunks of hash tables and nodes of trees never straddle one. */
const LINE: usize = 64;
const SIZES = 128;
/** First free block of each size, one u32 each. */
const FREE: usize = memory.data(SIZES * 4, 4);

/** The number of the smallest size that holds `bytes`. */
function sizeOf(bytes: usize): u32 {
  const lines = <u32>((bytes + LINE - 1) / LINE);
  if (lines <= 4) return lines;
  // lines - 1 = 1xx..., the two bits behind the first one choose the step.
  const shift = 29 - clz(lines - 1);
  return ((shift + 1) << 2) + (((lines - 1) >> shift) & 3) + 1;
}

function bytesOf(size: u32): usize {
  if (size <= 4) return <usize>size * LINE;
  const shift = ((size - 1) >> 2) - 1;
  return ((<usize>(4 + ((size - 1) & 3) + 1)) << shift) * LINE;
}

/** A zeroed block of at least `bytes`, aligned to a cache line; 0 and a failure where the memory cannot grow. */
export function take(bytes: usize): usize {
  const size = sizeOf(bytes);
  const list = FREE + ((<usize>size) << 2);
  const block = <usize>load<u32>(list);
  if (block != 0) {
    store<u32>(list, load<u32>(block));
    memory.fill(block, 0, bytesOf(size));
    return block;
  }
  const start = allocate(bytesOf(size) + LINE);
  return start == 0 ? 0 : (start + LINE - 1) & ~(LINE - 1);
}

/** Hands back what `take` gave for the same `bytes`. */
export function give(block: usize, bytes: usize): void {
  if (block == 0) return;
  const list = FREE + ((<usize>sizeOf(bytes)) << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, <u32>block);
}

/** Forgets all blocks handed back: their memory has been unwound. */
export function forgetBlocks(): void {
  memory.fill(FREE, 0, SIZES * 4);
}
