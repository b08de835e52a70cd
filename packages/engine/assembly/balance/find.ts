/** Whose packet it is: the frontend of its destination (bpf/lib/lb.h:lb4_lookup_service(), bpf/bpf_sock.c:sock4_wildcard_lookup()). */
import { packet, none, some } from '../core/skb';
import { maskHi, maskLo } from '../fib/prefixes';
import { Balancer, BalancePrefix, Balancing, Frontend, FrontendKey } from '../layout/balance';

/** Does one of the prefixes hold the address? */
export function isOneOf(prefixes: usize, count: u32, family: u32, hi: u64, lo: u64): bool {
  for (let i: u32 = 0; i < count; i++) {
    const prefix = changetype<BalancePrefix>(prefixes + <usize>i * offsetof<BalancePrefix>());
    if (prefix.family != family) continue;
    if (((hi ^ prefix.hi) & maskHi(family, prefix.length)) != 0) continue;
    if (((lo ^ prefix.lo) & maskLo(family, prefix.length)) == 0) return true;
  }
  return false;
}

/** Below 0: the key stands before what is looked for. */
function compare(key: FrontendKey, family: u32, hi: u64, lo: u64, port: u32, protocol: u32): i32 {
  if (key.family != family) return key.family < <u8>family ? -1 : 1;
  if (key.hi != hi) return key.hi < hi ? -1 : 1;
  if (key.lo != lo) return key.lo < lo ? -1 : 1;
  if (key.port != port) return key.port < <u16>port ? -1 : 1;
  return <i32>key.protocol - <i32>protocol;
}

function search(balancer: Balancer, family: u32, hi: u64, lo: u64, port: u32, protocol: u32): Frontend {
  let low: u32 = 0;
  let high = balancer.keyCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = changetype<FrontendKey>(balancer.keys + <usize>middle * offsetof<FrontendKey>());
    const order = compare(key, family, hi, lo, port, protocol);
    if (order == 0) return key.frontend;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return none<Frontend>();
}

function searchAll(balancer: Balancer, hi: u64, lo: u64): Frontend {
  const p = packet();
  for (let at = balancer; some(at); at = at.base) {
    const found = search(at, p.family, hi, lo, p.dport, p.protocol);
    if (some(found)) return found;
  }
  return none<Frontend>();
}

/** Null where nobody balances the packet's destination. */
export function findFrontend(balancing: Balancing): Frontend {
  const p = packet();
  const exact = searchAll(balancing.balancer, p.daddrHi, p.daddrLo);
  if (some(exact)) return exact;
  const wild = searchAll(balancing.balancer, 0, 0);
  if (!some(wild)) return wild;
  const holds = isOneOf(balancing.nodes, balancing.nodeCount, p.family, p.daddrHi, p.daddrLo);
  return holds ? wild : none<Frontend>();
}

/** Has any frontend the packet's destination, whatever its port? */
export function hasFrontendHere(balancing: Balancing): bool {
  const p = packet();
  for (let at = balancing.balancer; some(at); at = at.base) {
    for (let i: u32 = 0; i < at.keyCount; i++) {
      const key = changetype<FrontendKey>(at.keys + <usize>i * offsetof<FrontendKey>());
      if (key.family == p.family && key.hi == p.daddrHi && key.lo == p.daddrLo) return true;
    }
  }
  return false;
}
