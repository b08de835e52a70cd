/**
 * Down from a link to the one it stands on (vlan_dev.c:vlan_dev_hard_start_xmit(), bond_main.c:bond_start_xmit(), macvlan.c:macvlan_queue_xmit(),
 * ipvlan_core.c:ipvlan_queue_xmit()), and up to the one that stands there.
 */
import { LinkFlag } from '../../src/codes';
import { StackFlag, StackMode } from '../../src/stack-codes';
import { ChoiceKind, Disposition, Reason } from '../../src/terms';
import { chooseAside } from '../core/choice';
import { answerWith, endRecord, finish, ReplyKind } from '../core/end';
import { enterHost, leaveOwner, none, packet, Relayed, RouteKind, skb, some } from '../core/skb';
import { traceTransmit } from '../core/trace';
import { routeOutput } from '../fib/output';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { Link } from '../layout/link';
import { isUp } from '../wire/domain';
import { activePort, bondHears, carries, isIpvlan, nearOf, upperFor } from '../wire/stacks';
import { overWire, transmit, VLAN_HEADER } from './transmit';

function trace(out: Link, to: Link): void {
  const s = skb();
  traceTransmit(out, s.frameHi, s.frameLo, s.frameFamily, to);
}

function unmodelled(out: Link): void {
  trace(out, none<Link>());
  finish(Disposition.UNKNOWN, Reason.UNMODELLED_LINK);
}

function handDown(out: Link, to: Link, sourceMac: u64): void {
  trace(out, to);
  skb().netns = to.netns;
  overWire(to, sourceMac);
}

/** One port in active-backup mode; any that is up in the others, which is a choice. */
function throughBond(bond: Link, sourceMac: u64): void {
  let port = activePort(bond);
  if (!some(port)) {
    trace(bond, none<Link>());
    finish(Disposition.DROPPED, Reason.LINK_DOWN);
    return;
  }
  // Questions go by one of them, as broadcasts are followed.
  if ((bond.stack.flags & <u32>StackFlag.ONE_PORT) == 0 && !skb().asks) {
    let usable: u32 = 0;
    for (let at = bond.ports; some(at); at = at.nextPort) if (carries(at)) usable++;
    if (usable > 1) {
      let left = chooseAside(ChoiceKind.UNMODELLED, usable, changetype<usize>(bond.stack));
      for (let at = bond.ports; some(at); at = at.nextPort) {
        if (!carries(at)) continue;
        port = at;
        if (left == 0) break;
        left--;
      }
    }
  }
  handDown(bond, port, sourceMac);
}

/**
 * The packet is routed once more: in the table of the VRF that it was sent through (vrf.c:vrf_process_v4_outbound(), vrf_ip_local_out(),
 * vrf_local_xmit()), or in the namespace of the link below, which it is to leave by (ipvlan_core.c:ipvlan_process_v4_outbound(),
 * ipvlan_process_v6_outbound()).
 */
function sendAgain(through: Link): void {
  const s = skb();
  const p = packet();
  s.through = through;
  s.relayed |= <u8>Relayed.AGAIN;
  s.bound = none<Link>();
  s.iif = none<Link>();
  // The frame is gone.
  s.framed = 0;
  s.sourceMac = 0;
  s.tag = 0;
  s.kind = <u8>RouteKind.NONE;
  if (!routeOutput()) {
    // Nobody is told.
    endRecord().disposition = <u8>Disposition.DROPPED;
    endRecord().reply = <u8>ReplyKind.NONE;
    return;
  }
  if (through.stack.mode == StackMode.VRF) {
    if (s.kind == <u8>RouteKind.LOCAL || s.dev == through) {
      leaveOwner();
      s.prerouted = 0;
      s.arrival = through;
      s.climbs = 1;
      return;
    }
  } else if (s.kind == <u8>RouteKind.MULTI) {
    finish(Disposition.DROPPED, Reason.NO_ROUTE);
    return;
  }
  if (!output() || !postrouting()) return;
  if (p.length > s.mtu && (p.family == 6 || p.dontFragment)) {
    finish(Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
    if (p.family == 4) answerWith(ReplyKind.ICMP, 3, 4);
    else answerWith(ReplyKind.ICMP, 2, 0);
    return;
  }
  transmit();
}

/** What a host has put to the packet stays there. */
function leaveHost(): void {
  packet().mark = 0;
  skb().ipvs = 0;
}

/** Straight to another link that stands on the same one, or over the wire of that. */
function overLower(out: Link, sourceMac: u64): void {
  const s = skb();
  const lower = out.stack.lower;
  if (!some(lower)) return unmodelled(out);
  const near = nearOf(out, s.framed ? s.frameMac : 0);
  if (!some(near)) {
    if (out.stack.mode != StackMode.L3 && out.stack.mode != StackMode.L3S) {
      handDown(out, lower, sourceMac);
      return;
    }
    trace(out, lower);
    if (lower.netns != out.netns) leaveHost();
    enterHost(lower.netns);
    s.made = 1;
    s.sourceMac = 0;
    sendAgain(lower);
    return;
  }
  // A macvlan's frame comes in by the lower link, for all to hear who listen there.
  const taker = isIpvlan(out.stack.mode) ? near : lower;
  trace(out, taker);
  s.netns = lower.netns;
  // It goes by the lower link, which must be up and take the size (dev_forward_skb()).
  if (!isUp(lower)) {
    finish(Disposition.DROPPED, Reason.LINK_DOWN);
    return;
  }
  if (min(packet().length, out.mtu) > lower.mtu + VLAN_HEADER) {
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  if (taker.netns != out.netns) leaveHost();
  s.sourceMac = sourceMac;
  s.arrival = taker;
}

/** The frame leaves by a link that is no wire, but stands on others. */
export function sendDown(out: Link, sourceMac: u64): void {
  const s = skb();
  switch (<i32>out.stack.mode) {
    case <i32>StackMode.VLAN:
      // A tag within a tag is not modelled.
      if (s.tag != 0 || !some(out.stack.lower)) return unmodelled(out);
      s.tag = out.stack.vlanId;
      return handDown(out, out.stack.lower, sourceMac);
    case <i32>StackMode.BOND:
      return throughBond(out, sourceMac);
    case <i32>StackMode.VRF:
      trace(out, none<Link>());
      return sendAgain(out);
    default:
      return overLower(out, sourceMac);
  }
}

/** A link above takes the frame that came in by `link`, or a bond does not listen; false where it is the link's own. */
export function climbs(link: Link): bool {
  const s = skb();
  const bond = link.stack.bond;
  if (some(bond) && !bondHears(bond, link)) {
    finish(Disposition.DROPPED, Reason.OTHER_HOST);
    return true;
  }
  const upper = upperFor(link, s.framed ? s.frameMac : 0, s.tag);
  if (!some(upper)) return false;
  if (upper.stack.mode == StackMode.L3S) {
    // It takes packets in the middle of the stack below (ipvlan_l3s.c:ipvlan_l3_rcv(), ipvlan_nf_input()): not modelled.
    finish(Disposition.UNKNOWN, Reason.UNMODELLED_LINK);
    return true;
  }
  // It takes every frame, whomever it is for.
  if (upper.stack.mode == StackMode.PASSTHRU) s.framed = 0;
  if (upper.stack.mode == StackMode.VLAN) s.tag = 0;
  s.arrival = upper;
  s.climbs = 1;
  return true;
}

/** Links on which nobody is asked for an address, since they route once more (IFF_NOARP). */
export function routesAgain(link: Link): bool {
  const mode = link.stack.mode;
  return mode == StackMode.VRF || mode == StackMode.L3 || mode == StackMode.L3S;
}
