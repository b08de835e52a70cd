/**
 * The memory map, in order:
 *
 *   static    | packets and registers                                     (data of the module)
 *   regions   | jump frames, script, choices, weights, trace              (from `__heap_base`)
 *   network   | what the host encoded                                     (from `open()`)
 *   indexes   | what the engine built over it at load                     (to `sealed`)
 *   state     | connections, sockets, counters: gone at `reset`           (from `sealed`)
 *
 * Nothing is ever freed: `reset` moves the cursor back to `sealed`, `load` to the start.
 */
import { Failure } from '../../src/codes';
import { Packet } from '../layout/packet';
import { fail } from './failure';
import { Skb } from './skb';

/** A packet with its inner one. */
export const PACKETS: usize = 2 * offsetof<Packet>();

/** The packet in flight with its inner packet; the packet at the end of the walk; what is kept beside them. */
export const PACKET_BASE: usize = memory.data(PACKETS, 16);
export const END_PACKET_BASE: usize = memory.data(PACKETS, 16);
export const SKB_BASE: usize = memory.data(offsetof<Skb>(), 16);
export const END_BASE: usize = memory.data(32, 16);

/** Frames of chains under evaluation. */
export const FRAMES_BASE: usize = (__heap_base + 15) & ~15;
export const FRAMES_SIZE: u32 = 1 << 18;

/** Answers for choice points, one u32 each. */
export const SCRIPT_BASE: usize = FRAMES_BASE + FRAMES_SIZE;
export const SCRIPT_CAPACITY: u32 = 1 << 16;

/** Choice points met, `ChoiceRecord` each. */
export const CHOICES_BASE: usize = SCRIPT_BASE + (SCRIPT_CAPACITY << 2);
export const CHOICES_CAPACITY: u32 = 1 << 14;

/** Weights of the choice points, one u32 each. */
export const WEIGHTS_BASE: usize = CHOICES_BASE + CHOICES_CAPACITY * 48;
export const WEIGHTS_CAPACITY: u32 = 1 << 18;

export const TRACE_BASE: usize = WEIGHTS_BASE + (WEIGHTS_CAPACITY << 2);
export const TRACE_SIZE: u32 = 1 << 24;

const HEAP_BASE: usize = TRACE_BASE + TRACE_SIZE;

const ALIGNMENT: usize = 16;

let cursor: usize = 0;
/** End of what outlives a reset. */
let sealed: usize = 0;
/** Farthest end ever: bytes below it are not zero any more. */
let touched: usize = 0;

/** First free byte of an instance that holds maps alone and no machine: the regions are not needed. */
export function heap(): usize {
  return FRAMES_BASE;
}

/** Makes room for the regions; returns the first byte behind them, which the host may fill. 0: there is not enough memory. */
export function open(): usize {
  return reserve(HEAP_BASE) ? HEAP_BASE : 0;
}

/** Lets the memory reach to `end`. */
function reserve(end: usize): bool {
  const have = <usize>memory.size() << 16;
  if (end <= have) return true;
  // By a quarter at least, so that growth stays rare.
  if (memory.grow(<i32>((max(end - have, have >> 2) + 0xffff) >> 16)) >= 0) return true;
  return memory.grow(<i32>((end - have + 0xffff) >> 16)) >= 0;
}

/** The host has filled everything below `end`; what follows is the engine's. */
export function claim(end: usize): void {
  assert(end <= <usize>memory.size() << 16, 'behind the end of the memory');
  cursor = (end + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  if (cursor > touched) touched = cursor;
}

/** Zeroed bytes; 0 and a failure where the memory cannot grow. */
export function allocate(bytes: usize): usize {
  const start = cursor;
  const end = start + ((bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
  if (!reserve(end)) {
    fail(Failure.OUT_OF_MEMORY);
    return 0;
  }
  cursor = end;
  // What nobody touched is zero, and costs no memory before somebody does.
  if (start < touched) memory.fill(start, 0, min(end, touched) - start);
  if (end > touched) touched = end;
  return start;
}

export function seal(): void {
  sealed = cursor;
}

/** Forgets everything allocated since `seal`. */
export function unwind(): void {
  cursor = sealed;
}

/** End of the memory that was ever in use, in bytes: whoever fills it anew has to clear it. */
export function used(): usize {
  return touched;
}
