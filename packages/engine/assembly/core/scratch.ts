/** Rooms for lists of the moment: each grows as needed and is used again and again. */
import { allocate } from './memory';

@unmanaged
export class Room {
  at: usize;
  bytes: u32;
}

/** At least `bytes` bytes, with what stood there; 0 where the memory is used up. */
export function roomFor(room: Room, bytes: u32): usize {
  if (room.bytes >= bytes) return room.at;
  const size = max<u32>(bytes, max<u32>(room.bytes * 2, 1024));
  const at = allocate(size);
  if (at == 0) return 0;
  if (room.bytes != 0) memory.copy(at, room.at, room.bytes);
  room.at = at;
  room.bytes = size;
  return at;
}

export function roomReset(room: Room): void {
  room.at = 0;
  room.bytes = 0;
}
