/** Flow maps, as the host calls them: keys in the form of slots without values (see `slot.ts`), staged. */
import { STAGE_IN, STAGE_OUT } from '../store/stage';
import { Swiss } from '../store/swiss';
import {
  flowMapBytes,
  flowMapClear,
  flowMapDeleteAll,
  flowMapFindAll,
  flowMapNew,
  flowMapSetAll,
} from './map';
import { Slot4, Slot6 } from './slot';

@inline
function tableAt(map: usize): Swiss {
  return changetype<Swiss>(map);
}

/** A new map with room for `count` flows; 0 where the memory is used up. */
export function flowsNew(family: u32, count: u32): usize {
  return changetype<usize>(family == 4 ? flowMapNew<Slot4>(count) : flowMapNew<Slot6>(count));
}

/** Gives the staged keys the staged values (where answers stand otherwise); false where the memory is used up. */
export function flowsSetStaged(map: usize, family: u32, count: u32): bool {
  return family == 4
    ? flowMapSetAll<Slot4>(tableAt(map), STAGE_IN, count, STAGE_OUT)
    : flowMapSetAll<Slot6>(tableAt(map), STAGE_IN, count, STAGE_OUT);
}

export function flowsFindStaged(map: usize, family: u32, count: u32): void {
  if (family == 4) flowMapFindAll<Slot4>(tableAt(map), STAGE_IN, count, STAGE_OUT);
  else flowMapFindAll<Slot6>(tableAt(map), STAGE_IN, count, STAGE_OUT);
}

/** Removes the staged keys; the values they had are the answers. */
export function flowsDeleteStaged(map: usize, family: u32, count: u32): void {
  if (family == 4) flowMapDeleteAll<Slot4>(tableAt(map), STAGE_IN, count, STAGE_OUT);
  else flowMapDeleteAll<Slot6>(tableAt(map), STAGE_IN, count, STAGE_OUT);
}

export function flowsClear(map: usize): void {
  flowMapClear(tableAt(map));
}

export function flowsSize(map: usize): u32 {
  return tableAt(map).count;
}

export function flowsBytes(map: usize, family: u32): usize {
  return family == 4 ? flowMapBytes<Slot4>(tableAt(map)) : flowMapBytes<Slot6>(tableAt(map));
}
