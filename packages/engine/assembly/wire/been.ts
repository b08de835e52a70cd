/** Where a frame with a tag was in the search at hand. Frames without one leave their number on the links themselves (`wire/flood.ts`). */
import { Failure } from '../../src/codes';
import { fail } from '../core/failure';
import { fold, mix, roundUp } from '../core/hash';
import { allocate } from '../core/memory';

@unmanaged
class Been {
  /** Link, tag and direction. */
  key: u64;
  /** The search that wrote it; others count as free. */
  search: u32;
  pad: u32;
}

/** Places that one search may pass, for each link: hardly any link carries more tags than that. */
const PLACES: u32 = 16;
const MOST_PLACES: u32 = 1 << 16;

let slots: usize = 0;
let mask: u32 = 0;
let used: u32 = 0;
let last: u32 = 0;

/** `links`: how many may see frames with tags; 0: none, and no memory is taken. */
export function beenBuild(links: u32): void {
  slots = 0;
  last = 0;
  if (links == 0) return;
  const size = roundUp(max(min(links * PLACES, MOST_PLACES), links * 2) * 2);
  slots = allocate(<usize>size * offsetof<Been>());
  mask = size - 1;
}

/** True where the search was there before. */
export function wasThere(search: u32, link: u32, tag: u32, out: bool): bool {
  if (slots == 0) return true;
  if (search != last) {
    last = search;
    used = 0;
  }
  const key = (<u64>link << 13) | ((<u64>tag << 1) | (out ? 1 : 0));
  let at = fold(mix(key, 0)) & mask;
  while (true) {
    const slot = changetype<Been>(slots + <usize>at * offsetof<Been>());
    if (slot.search != search) {
      if (used > mask >> 1) {
        fail(Failure.OUT_OF_MEMORY);
        return true;
      }
      used++;
      slot.search = search;
      slot.key = key;
      return false;
    }
    if (slot.key == key) return true;
    at = (at + 1) & mask;
  }
}
