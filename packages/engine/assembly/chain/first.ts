/** A chain as a list to look up in: which of its rules is the first that fits, with nothing done about it. */
import { FRAMES_BASE, PACKET_BASE } from '../core/memory';
import { Chain } from '../layout/chain';
import { Packet, PACKET_HEADER_SIZE } from '../layout/packet';
import { STAGE_IN, STAGE_OUT } from '../store/stage';
import { cursorsNext, cursorsOpen, firstCandidates, testsOf } from './candidates';
import { actionsOf } from './run';

@inline
function stagedPacket(i: u32): Packet {
  return changetype<Packet>(STAGE_IN + <usize>i * PACKET_HEADER_SIZE);
}

/** Makes a staged packet the one in flight. So few bytes are not worth the call of `memory.copy`. */
@inline
function takePacket(i: u32): void {
  const from = changetype<usize>(stagedPacket(i));
  for (let at: usize = 0; at < PACKET_HEADER_SIZE; at += 8) store<u64>(PACKET_BASE + at, load<u64>(from + at));
}

function walk(chain: Chain, packet: u32): i32 {
  takePacket(packet);
  for (let i: u32 = 0; i < chain.ruleCount; i++) if (actionsOf(chain, 0, i) != 0) return <i32>i;
  return -1;
}

/** Goes through the candidates, of which the first wants more than the index has compared. */
function lookup(chain: Chain, packet: u32): i32 {
  takePacket(packet);
  cursorsOpen(chain.index, FRAMES_BASE, stagedPacket(packet));
  let position = cursorsNext(chain.index, FRAMES_BASE);
  while (position >= 0 && actionsOf(chain, chain.index, position) == 0) position = cursorsNext(chain.index, FRAMES_BASE);
  return position;
}

/**
 * Writes the position of the first rule whose matches all hold for each of `count` staged packets (the first part of `Packet` records); -1 where there is
 * none.
 */
export function rulesFindStaged(at: usize, count: u32): void {
  const chain = changetype<Chain>(at);
  const index = chain.index;
  if (index == 0) {
    for (let i: u32 = 0; i < count; i++) store<i32>(STAGE_OUT + (<usize>i << 2), walk(chain, i));
    return;
  }
  firstCandidates(index, STAGE_IN, count, STAGE_OUT);
  for (let i: u32 = 0; i < count; i++) {
    const at = STAGE_OUT + (<usize>i << 2);
    const position = load<i32>(at);
    if (position >= 0 && (testsOf(index, position) & 1) == 0) store<i32>(at, lookup(chain, i));
  }
}
