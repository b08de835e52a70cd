/** rpfilter_mt (ipt_rpfilter.c, ip6t_rpfilter.c): would the way back lead through the device that the packet came by? */
import { LinkFlag } from '../../src/codes';
import { ReverseTest } from '../../src/match-codes';
import { RouteType } from '../../src/terms';
import { isVrf, vrfOf } from '../core/links';
import { packet, skb, some } from '../core/skb';
import { isLimitedBroadcast, isLinkLocal6, isMulticast4, isMulticast6, isUnspecified, isZeronet } from '../fib/kinds';
import { clearKey, RouteKey, routeLookup, routeResult } from '../fib/lookup';
import { usesDev } from '../fib/validate';
import { Statement } from '../layout/statement';
import { inverted } from './header';

/** rpfilter_get_saddr(): no source for what is no host's address. */
@inline
function asSource(lo: u64): u64 {
  return isMulticast4(lo) || isLimitedBroadcast(lo) || isZeronet(lo) ? 0 : lo;
}

function startKey(family: u8, bits: u32): RouteKey {
  const s = skb();
  const p = packet();
  const key = clearKey(s.netns, family);
  key.daddrHi = p.saddrHi;
  key.daddrLo = p.saddrLo;
  key.tos = p.tos;
  key.vrf = vrfOf(s.iif);
  if ((bits & ReverseTest.VALID_MARK) != 0) key.mark = p.mark;
  return key;
}

function isRight(type: u32, bits: u32): bool {
  return type == RouteType.UNICAST || (type == RouteType.LOCAL && (bits & ReverseTest.ACCEPT_LOCAL) != 0);
}

function reverse4(bits: u32): bool {
  const s = skb();
  const p = packet();
  // A host that has no address yet.
  if (isZeronet(p.saddrLo) && (isLimitedBroadcast(p.daddrLo) || p.daddrLo >> 8 == 0xe00000)) return true;
  startKey(4, bits).saddrLo = asSource(p.daddrLo);
  if (!routeLookup()) return false;
  const result = routeResult();
  if (!isRight(result.type, bits)) return false;
  return (bits & ReverseTest.LOOSE) != 0 || usesDev(s.netns, result.route, s.iif);
}

function reverse6(bits: u32): bool {
  const s = skb();
  const p = packet();
  if (isUnspecified(p.saddrHi, p.saddrLo)) return true;
  const key = startKey(6, bits);
  key.protocol = p.protocol;
  if (!isMulticast6(p.daddrHi) && !isUnspecified(p.daddrHi, p.daddrLo)) {
    key.saddrHi = p.daddrHi;
    key.saddrLo = p.daddrLo;
  }
  const near = isLinkLocal6(p.saddrHi);
  if (near || (bits & ReverseTest.LOOSE) == 0) key.oif = s.iif;
  key.strict = near;
  if (!routeLookup()) return false;
  const result = routeResult();
  if (result.type == RouteType.LOCAL) return (bits & ReverseTest.ACCEPT_LOCAL) != 0;
  if (result.type != RouteType.UNICAST && result.type != RouteType.MULTICAST) return false;
  return (bits & ReverseTest.LOOSE) != 0 || result.dev == s.iif || (isVrf(s.iif) && vrfOf(result.dev) == s.iif);
}

export function matchReverse(at: usize): bool {
  const bits = changetype<Statement>(at).argument;
  const s = skb();
  // It stands at PREROUTING, where every packet has come by a device.
  let holds = some(s.iif);
  if (holds && (s.iif.flags & LinkFlag.LOOPBACK) == 0) holds = packet().family == 4 ? reverse4(bits) : reverse6(bits);
  return holds != inverted(at);
}
