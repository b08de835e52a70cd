/**
 * The bits of a packet that chains are indexed by, as words: those of a packet, those a rule looks at (its mask), and what it wants there.
 * `transport` holds the protocol in its lowest byte, the source port from bit 16 on and the destination port from bit 32 on;
 * `interfaces` the symbols of the incoming and, from bit 32 on, of the outgoing interface.
 */
import { skb, some } from '../core/skb';
import { Packet } from '../layout/packet';

@unmanaged
export class Header {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  transport: u64;
  interfaces: u64;
}

export const PROTOCOL: u64 = 0xff;
export const SPORT_SHIFT: u64 = 16;
export const DPORT_SHIFT: u64 = 32;
export const PORT: u64 = 0xffff;
export const OIF_SHIFT: u64 = 32;
export const SYMBOL: u64 = 0xffffffff;

@inline
export function transportOf(p: Packet): u64 {
  // Both ports at once: the destination stands behind the source.
  return <u64>p.protocol | (<u64>load<u32>(changetype<usize>(p), offsetof<Packet>('sport')) << SPORT_SHIFT);
}

/** The interfaces of the packet in flight. */
@inline
export function interfacesNow(): u64 {
  const s = skb();
  const iif: u32 = some(s.iif) ? s.iif.name : 0;
  const oif: u32 = some(s.oif) ? s.oif.name : 0;
  return <u64>iif | (<u64>oif << OIF_SHIFT);
}

export function isEmpty(mask: Header): bool {
  const addresses = mask.saddrHi | mask.saddrLo | mask.daddrHi | mask.daddrLo;
  return (addresses | mask.transport | mask.interfaces) == 0;
}

/** True if no more than 32 bits of each address count. */
export function isNarrow(mask: Header): bool {
  return (mask.saddrHi | mask.daddrHi | (mask.saddrLo >> 32) | (mask.daddrLo >> 32)) == 0;
}

export function sameHeader(a: Header, b: Header): bool {
  return (
    a.saddrHi == b.saddrHi &&
    a.saddrLo == b.saddrLo &&
    a.daddrHi == b.daddrHi &&
    a.daddrLo == b.daddrLo &&
    a.transport == b.transport &&
    a.interfaces == b.interfaces
  );
}
