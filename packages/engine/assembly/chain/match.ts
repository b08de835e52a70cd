/** One test of a rule: each kind has its file in `expr/`. */
import { Op } from '../../src/codes';
import { isLater, packet, skb } from '../core/skb';
import { matchAddrtype } from '../expr/addrtype';
import { matchConnmark, matchConntrack, matchState } from '../expr/conntrack';
import {
  inverted,
  matchDestination,
  matchInterface,
  matchLength,
  matchMark,
  matchProtocol,
  matchSource,
  matchTos,
  matchTtl,
} from '../expr/header';
import { matchRange } from '../expr/iprange';
import { matchCompare } from '../expr/nft/compare';
import { matchLookup } from '../expr/nft/lookup';
import { matchMac, matchPhysdev } from '../expr/physdev';
import { matchIcmp, matchMultiport, matchOption, matchPorts } from '../expr/ports';
import { matchOwner } from '../expr/owner';
import { matchRecent } from '../expr/recent';
import { matchReverse } from '../expr/rpfilter';
import { matchSet } from '../expr/set';
import { matchNth, matchRandom, matchUndecided } from '../expr/statistic';
import { Statement } from '../layout/statement';

export function match(at: usize): bool {
  switch (<i32>changetype<Statement>(at).op) {
    case <i32>Op.SADDR:
      return matchSource(at);
    case <i32>Op.DADDR:
      return matchDestination(at);
    case <i32>Op.IIF:
      return matchInterface(at, skb().iif);
    case <i32>Op.OIF:
      return matchInterface(at, skb().oif);
    case <i32>Op.PROTOCOL:
      return matchProtocol(at);
    case <i32>Op.TCP:
    case <i32>Op.PORTS:
      return matchPorts(at);
    case <i32>Op.ICMP:
      return matchIcmp(at);
    case <i32>Op.MULTIPORT:
      return matchMultiport(at);
    case <i32>Op.MARK:
      return matchMark(at);
    case <i32>Op.CONNMARK:
      return matchConnmark(at);
    case <i32>Op.STATE:
      return matchState(at);
    case <i32>Op.CONNTRACK:
      return matchConntrack(at);
    case <i32>Op.ADDRTYPE:
      return matchAddrtype(at);
    case <i32>Op.RANDOM:
      return matchRandom(at);
    case <i32>Op.NTH:
      return matchNth(at);
    case <i32>Op.PHYSDEV:
      return matchPhysdev(at);
    case <i32>Op.RECENT:
      return matchRecent(at);
    case <i32>Op.SET:
      return matchSet(at);
    case <i32>Op.IPRANGE:
      return matchRange(at);
    case <i32>Op.MAC:
      return matchMac(at);
    case <i32>Op.TOS:
      return matchTos(at);
    case <i32>Op.TTL:
      return matchTtl(at);
    case <i32>Op.LENGTH:
      return matchLength(at);
    case <i32>Op.OWNER:
      return matchOwner(at);
    case <i32>Op.RPFILTER:
      return matchReverse(at);
    case <i32>Op.TCP_OPTION:
      return matchOption(at);
    case <i32>Op.FRAGMENT:
      return isLater(packet()) != inverted(at);
    case <i32>Op.FAMILY:
      return packet().family == changetype<Statement>(at).argument;
    case <i32>Op.COMPARE:
      return matchCompare(at);
    case <i32>Op.LOOKUP:
      return matchLookup(at);
    case <i32>Op.CHOICE:
      return matchUndecided(at);
    default:
      return false;
  }
}
