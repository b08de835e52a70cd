/** What programs remember of connections: lists, as nobody has many of them at once. */
import { now } from '../core/clock';
import { allocate } from '../core/memory';
import { innerPacket, isLater, none, packet, skb, some } from '../core/skb';
import { BalancedFlag, BalancedFlow, Frontend } from '../layout/balance';
import { affinitiesReset } from './choose';
import { hasPorts, isAbout } from './rewrite';

/** Of sockets, and of links. */
export let firstSocket: BalancedFlow = none<BalancedFlow>();
let lastSocket: BalancedFlow = none<BalancedFlow>();
let firstFlow: BalancedFlow = none<BalancedFlow>();
let lastFlow: BalancedFlow = none<BalancedFlow>();

export function balanceReset(): void {
  firstSocket = none<BalancedFlow>();
  lastSocket = none<BalancedFlow>();
  firstFlow = none<BalancedFlow>();
  lastFlow = none<BalancedFlow>();
  affinitiesReset();
}

/** The packet's own connection, whose backend is not known yet; not in any list. Null: no memory. */
export function makeFlow(frontend: Frontend): BalancedFlow {
  const made = changetype<BalancedFlow>(allocate(offsetof<BalancedFlow>()));
  if (!some(made)) return made;
  const p = packet();
  made.frontend = frontend;
  made.netns = skb().netns;
  made.family = p.family;
  made.protocol = p.protocol;
  made.clientHi = p.saddrHi;
  made.clientLo = p.saddrLo;
  made.clientPort = p.sport;
  made.frontHi = p.daddrHi;
  made.frontLo = p.daddrLo;
  made.frontPort = p.dport;
  return made;
}

export function addSocket(flow: BalancedFlow): void {
  if (some(lastSocket)) lastSocket.next = flow;
  else firstSocket = flow;
  lastSocket = flow;
}

export function addFlow(flow: BalancedFlow): void {
  if (some(lastFlow)) lastFlow.next = flow;
  else firstFlow = flow;
  lastFlow = flow;
}

@inline
function isLive(flow: BalancedFlow): bool {
  return flow.netns == skb().netns && flow.expires > now();
}

/** The connection that the packet goes on with. */
export function knownFlow(frontend: Frontend): BalancedFlow {
  const p = packet();
  for (let at = firstFlow; some(at); at = at.next) {
    if (at.frontend != frontend || at.protocol != p.protocol || !isLive(at)) continue;
    if (at.clientPort != p.sport || at.clientLo != p.saddrLo || at.clientHi != p.saddrHi) continue;
    if (at.frontPort == p.dport && at.frontLo == p.daddrLo && at.frontHi == p.daddrHi) return at;
  }
  return none<BalancedFlow>();
}

/** The connection that a packet from a backend, or an error about one to it, belongs to. */
export function answeredFlow(away: bool): BalancedFlow {
  const about = isAbout();
  const p = packet();
  if (!about && (!hasPorts(p.protocol) || isLater(p))) return none<BalancedFlow>();
  const q = about ? innerPacket() : p;
  const backHi = about ? q.daddrHi : q.saddrHi;
  const backLo = about ? q.daddrLo : q.saddrLo;
  const backPort = about ? q.dport : q.sport;
  const toHi = about ? q.saddrHi : q.daddrHi;
  const toLo = about ? q.saddrLo : q.daddrLo;
  const toPort = about ? q.sport : q.dport;
  for (let at = firstFlow; some(at); at = at.next) {
    if (((at.flags & <u8>BalancedFlag.AWAY) != 0) != away || !isLive(at)) continue;
    if (at.family != q.family || at.protocol != q.protocol) continue;
    if (at.backPort != backPort || at.backLo != backLo || at.backHi != backHi) continue;
    const node = (at.flags & <u8>BalancedFlag.NODE) != 0;
    const hi = node ? at.nodeHi : at.clientHi;
    const lo = node ? at.nodeLo : at.clientLo;
    if (toPort == (node ? at.nodePort : at.clientPort) && toLo == lo && toHi == hi) return at;
  }
  return none<BalancedFlow>();
}

/** Does a connection to the same backend have the port of the node already? */
export function hasNodePort(flow: BalancedFlow, port: u32): bool {
  for (let at = firstFlow; some(at); at = at.next) {
    if ((at.flags & <u8>BalancedFlag.AWAY) == 0 || at.nodePort != port || !isLive(at)) continue;
    if (at.family != flow.family || at.protocol != flow.protocol || at.backPort != flow.backPort) continue;
    if (at.backLo != flow.backLo || at.backHi != flow.backHi) continue;
    if (at.nodeLo == flow.nodeLo && at.nodeHi == flow.nodeHi) return true;
  }
  return false;
}
