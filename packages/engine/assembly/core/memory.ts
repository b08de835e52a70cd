/**
 * The memory map, in order:
 *
 *   static    | registers, packets, jump frames, script, choices, trace   (constants below)
 *   network   | what the host encoded                                     (from `heap()` to `sealed`)
 *   indexes   | what the engine built over it at load                     (to `sealed`)
 *   state     | connections, sockets, counters: gone at `reset`           (from `sealed`)
 *
 * Nothing is ever freed: `reset` moves the cursor back to `sealed`, `load` to the start.
 */
import { Failure } from '../../src/codes';
import { fail } from './failure';

/** Current and answering packets with their inner packets, and scratch packets. */
export const PACKET_BASE: usize = memory.data(112, 16);
export const TEMPLATE_BASE: usize = memory.data(112, 16);
export const END_PACKET_BASE: usize = memory.data(112, 16);
export const SKB_BASE: usize = memory.data(256, 16);
export const END_BASE: usize = memory.data(32, 16);
export const TUPLE_BASE: usize = memory.data(512, 16);

/** Frames of chains under evaluation. */
export const FRAMES_SIZE: u32 = 1 << 18;
export const FRAMES_BASE: usize = memory.data(1 << 18, 16);

/** Answers for choice points, one u32 each. */
export const SCRIPT_CAPACITY: u32 = 1 << 16;
export const SCRIPT_BASE: usize = memory.data(1 << 18, 16);

export const CHOICES_CAPACITY: u32 = 1 << 14;
export const CHOICES_BASE: usize = memory.data((1 << 14) * 48, 16);

/** Weights of the choice points, one u32 each. */
export const WEIGHTS_CAPACITY: u32 = 1 << 18;
export const WEIGHTS_BASE: usize = memory.data(1 << 20, 16);

export const TRACE_SIZE: u32 = 1 << 24;
export const TRACE_BASE: usize = memory.data(1 << 24, 16);

const ALIGNMENT: usize = 16;

let cursor: usize = 0;
/** End of what outlives a reset. */
let sealed: usize = 0;

/** First byte that the host may fill. */
export function heap(): usize {
  return (__heap_base + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** The host has filled everything below `end`; what follows is the engine's. */
export function claim(end: usize): void {
  cursor = (end + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** Zeroed bytes; 0 and a failure where the memory cannot grow. */
export function allocate(bytes: usize): usize {
  const start = cursor;
  const end = start + ((bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
  const have = <usize>memory.size() << 16;
  if (end > have) {
    // An eighth more than asked, so that growth stays rare.
    const pages = <i32>((end - have + (end >> 3) + 0xffff) >> 16);
    if (memory.grow(pages) < 0 && memory.grow(<i32>((end - have + 0xffff) >> 16)) < 0) {
      fail(Failure.OUT_OF_MEMORY);
      return 0;
    }
  }
  cursor = end;
  memory.fill(start, 0, end - start);
  return start;
}

export function seal(): void {
  sealed = cursor;
}

/** Forgets everything allocated since `seal`. */
export function unwind(): void {
  cursor = sealed;
}

/** End of the memory in use, in bytes. */
export function used(): usize {
  return cursor;
}
