/** What programs do to packets: a step, and the address and port. */
import { Protocol } from '../../src/terms';
import { innerPacket, isLater, none, packet } from '../core/skb';
import { traceBalance } from '../core/trace';
import { isIcmp } from '../ct/tuple';
import { BalancedFlag, BalancedFlow, Frontend } from '../layout/balance';
import { Link } from '../layout/link';

export function hasPorts(protocol: u32): bool {
  return protocol == Protocol.TCP || protocol == Protocol.UDP || protocol == Protocol.SCTP;
}

/** `link`: null for a socket's program. */
export function rewriteDestination(link: Link, frontend: Frontend, hi: u64, lo: u64, port: u32): void {
  const p = packet();
  traceBalance(link, frontend, false, true, p.daddrHi, p.daddrLo, p.dport, hi, lo, port, 0, 0);
  p.daddrHi = hi;
  p.daddrLo = lo;
  p.dport = <u16>port;
}

export function rewriteSource(link: Link, frontend: Frontend, hi: u64, lo: u64, port: u32, anyFrom: u32, anyTo: u32): void {
  const p = packet();
  traceBalance(link, frontend, true, true, p.saddrHi, p.saddrLo, p.sport, hi, lo, port, anyFrom, anyTo);
  p.saddrHi = hi;
  p.saddrLo = lo;
  p.sport = <u16>port;
}

/** A step for a packet that a program does not send on. */
export function traceRefusal(link: Link, frontend: Frontend): void {
  const p = packet();
  traceBalance(link, frontend, false, false, p.daddrHi, p.daddrLo, p.dport, 0, 0, 0, 0, 0);
}

/** Is it an ICMP error about a packet that a balanced connection may have sent? */
export function isAbout(): bool {
  const p = packet();
  return isIcmp(p.protocol) && p.hasInner != 0 && hasPorts(innerPacket().protocol) && !isLater(innerPacket());
}

/** An error about a packet to the backend becomes one about the packet that the client sent. */
export function rewriteAbout(link: Link, flow: BalancedFlow): void {
  const p = packet();
  const about = innerPacket();
  const node = (flow.flags & <u8>BalancedFlag.NODE) != 0;
  const isBackends = p.saddrLo == flow.backLo && p.saddrHi == flow.backHi;
  const isClients = p.daddrLo == flow.clientLo && p.daddrHi == flow.clientHi;
  if (isBackends) rewriteSource(link, flow.frontend, flow.frontHi, flow.frontLo, 0, 0, 0);
  if (node && !isClients) rewriteDestination(link, flow.frontend, flow.clientHi, flow.clientLo, 0);
  if (node) {
    about.saddrHi = flow.clientHi;
    about.saddrLo = flow.clientLo;
    about.sport = flow.clientPort;
  }
  about.daddrHi = flow.frontHi;
  about.daddrLo = flow.frontLo;
  about.dport = flow.frontPort;
}

export const NO_LINK: Link = none<Link>();
