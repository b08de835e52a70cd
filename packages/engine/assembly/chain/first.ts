/** A chain as a list to look up in: which of its rules is the first that fits, with nothing done about it. */
import { FRAMES_BASE, PACKET_BASE } from '../core/memory';
import { Chain } from '../layout/chain';
import { Packet } from '../layout/packet';
import { STAGE_IN, STAGE_OUT } from '../store/stage';
import { cursorsNext, cursorsOpen, ruleBody } from './candidates';
import { matched } from './run';

/** Position of the first rule whose matches all hold for the packet in flight; -1 where there is none. */
function firstRule(chain: Chain): i32 {
  if (chain.index == 0) {
    for (let i: u32 = 0; i < chain.ruleCount; i++) if (matched(ruleBody(chain, i)) != 0) return <i32>i;
    return -1;
  }
  cursorsOpen(chain.index, FRAMES_BASE);
  let position = cursorsNext(chain.index, FRAMES_BASE);
  while (position >= 0 && matched(ruleBody(chain, <u32>position)) == 0) {
    position = cursorsNext(chain.index, FRAMES_BASE);
  }
  return position;
}

/** Writes the position of the first rule for each of `count` staged packets (`Packet` records). */
export function rulesFindStaged(chain: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    memory.copy(PACKET_BASE, STAGE_IN + <usize>i * offsetof<Packet>(), offsetof<Packet>());
    store<i32>(STAGE_OUT + (<usize>i << 2), firstRule(changetype<Chain>(chain)));
  }
}
