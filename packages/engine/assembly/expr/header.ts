/** Tests of the IP header and of interfaces (ip_tables.c:ip_packet_match(), ip6_tables.c:ip6_packet_match()). */
import { OpFlag } from '../../src/codes';
import { TtlOp } from '../../src/match-codes';
import { packet, some } from '../core/skb';
import { nameHigh, nameLow } from '../core/names';
import { Link } from '../layout/link';
import { InterfaceTest, PairStatement, PrefixTest, Statement } from '../layout/statement';

/** True if the statement is inverted (`!` before the whole test). */
@inline
export function inverted(at: usize): bool {
  return (changetype<Statement>(at).flags & <u8>OpFlag.NOT) != 0;
}

@inline
export function matchSource(at: usize): bool {
  const test = changetype<PrefixTest>(at);
  const p = packet();
  const holds = (((p.saddrLo ^ test.lo) & test.maskLo) | ((p.saddrHi ^ test.hi) & test.maskHi)) == 0;
  return holds != inverted(at);
}

@inline
export function matchDestination(at: usize): bool {
  const test = changetype<PrefixTest>(at);
  const p = packet();
  const holds = (((p.daddrLo ^ test.lo) & test.maskLo) | ((p.daddrHi ^ test.hi) & test.maskHi)) == 0;
  return holds != inverted(at);
}

/** ifname_compare(): all bytes under the mask; a link that is not there has the empty name. */
export function nameMatches(link: Link, name0: u64, name1: u64, mask0: u64, mask1: u64): bool {
  const name = some(link) ? link.name : 0;
  return (((nameLow(name) ^ name0) & mask0) | ((nameHigh(name) ^ name1) & mask1)) == 0;
}

export function matchInterface(at: usize, link: Link): bool {
  const test = changetype<InterfaceTest>(at);
  const symbol = changetype<Statement>(at).argument;
  const holds =
    symbol != 0
      ? some(link) && link.name == symbol
      : nameMatches(link, test.name0, test.name1, test.mask0, test.mask1);
  return holds != inverted(at);
}

@inline
export function matchProtocol(at: usize): bool {
  const protocol = changetype<Statement>(at).argument;
  return (protocol == 0 || packet().protocol == protocol) != inverted(at);
}

/** mark_mt (xt_mark.c). */
@inline
export function matchMark(at: usize): bool {
  const test = changetype<PairStatement>(at);
  return ((packet().mark & test.second) == test.first) != inverted(at);
}

/** tos_mt (xt_dscp.c). */
export function matchTos(at: usize): bool {
  const test = changetype<PairStatement>(at);
  return ((packet().tos & test.second) == test.first) != inverted(at);
}

/** ttl_mt, hl_mt6 (xt_hl.c). */
export function matchTtl(at: usize): bool {
  const test = changetype<PairStatement>(at);
  const ttl = <u32>packet().ttl;
  switch (<i32>test.first) {
    case <i32>TtlOp.EQ:
      return ttl == test.second;
    case <i32>TtlOp.NE:
      return ttl != test.second;
    case <i32>TtlOp.LT:
      return ttl < test.second;
    default:
      return ttl > test.second;
  }
}

/** length_mt (xt_length.c). */
export function matchLength(at: usize): bool {
  const test = changetype<PairStatement>(at);
  const length = packet().length;
  return (length >= test.first && length <= test.second) != inverted(at);
}
