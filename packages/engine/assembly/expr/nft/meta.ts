/** What the host knows about the packet (nft_meta.c, nft_meta_bridge.c). False: there is no such thing. */
import { LinkFlag } from '../../../src/codes';
import { FamilyCode, Field } from '../../../src/nft-codes';
import { Hook } from '../../../src/terms';
import { none, packet, skb, some } from '../../core/skb';
import { isLimitedBroadcast, isMulticast } from '../../fib/kinds';
import { Link } from '../../layout/link';
import { etherType } from './header';
import { giveNumber } from './value';

/** `ARPHRD_*` */
const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;
/** `NFPROTO_IPV4`, `NFPROTO_IPV6` */
const NFPROTO_4: u32 = 2;
const NFPROTO_6: u32 = 10;
const NFPROTO_ARP: u32 = 3;
/** `PACKET_*` */
const HOST: u32 = 0;
const EVERYBODY: u64 = 0xffffffffffff;
const BROADCAST: u32 = 1;
const MULTICAST: u32 = 2;
const OTHER_HOST: u32 = 3;
/** An Ethernet header, which a packet on its way out of a device has in front. */
const ETHER_HEADER: u32 = 14;

/** The family of the table under evaluation. */
@inline
function tableFamily(): u32 {
  return skb().base.table.family;
}

/** nft_pf() */
function family(): u32 {
  const table = tableFamily();
  if (table == FamilyCode.BRIDGE || table == FamilyCode.NETDEV) return table;
  if (table == FamilyCode.ARP) return NFPROTO_ARP;
  return packet().family == 4 ? NFPROTO_4 : NFPROTO_6;
}

/** skb->pkt_type: whom the frame is for, as the port or device sees it; above the bridge it is for the host. */
function packetType(): u32 {
  const s = skb();
  const p = packet();
  const link = s.iif;
  if (!some(link) || (link.flags & LinkFlag.LOOPBACK) != 0) return HOST;
  if (s.group == EVERYBODY) return BROADCAST;
  if (isMulticast(p.family, p.daddrHi, p.daddrLo)) return MULTICAST;
  if (p.family == 4 && isLimitedBroadcast(p.daddrLo)) return BROADCAST;
  const raw = tableFamily() == FamilyCode.BRIDGE || s.hook == Hook.INGRESS;
  if (!raw || !s.framed || s.frameMac == link.mac) return HOST;
  return tableFamily() == FamilyCode.BRIDGE && some(link.master) && s.frameMac == link.master.mac ? HOST : OTHER_HOST;
}

@inline
function giveIndex(link: Link): bool {
  return giveNumber(some(link) ? link.index : 0);
}

@inline
function giveName(link: Link): bool {
  return giveNumber(some(link) ? link.name : 0);
}

/**
 * The device that the packet itself names (`skb->dev`), whose type `meta iiftype` gives since Linux 5.16 (NFT_META_IFTYPE): on its way out the one
 * that it leaves by; a packet that was just made has none, unless it asks for a neighbour or has come out of a tunnel.
 */
function ownLink(): Link {
  const s = skb();
  switch (<i32>s.hook) {
    case <i32>Hook.POSTROUTING:
    case <i32>Hook.EGRESS:
      return s.oif;
    case <i32>Hook.OUTPUT: {
      const table = tableFamily();
      if (table == FamilyCode.BRIDGE || table == FamilyCode.ARP || s.asks != 0) return s.oif;
      return s.outerOf;
    }
    default:
      return s.iif;
  }
}

function giveType(link: Link): bool {
  return some(link) && giveNumber((link.flags & LinkFlag.LOOPBACK) != 0 ? LOOPBACK : ETHERNET);
}

function giveKind(link: Link): bool {
  return some(link) && link.made != 0 && giveNumber(link.made);
}

/** nft_meta_get_bridge(): the bridge that the link is a port of. */
function giveBridge(link: Link): bool {
  const bridge = some(link) ? link.master : none<Link>();
  return some(bridge) && giveNumber(bridge.name);
}

export function metaField(field: u32): bool {
  const s = skb();
  switch (<i32>field) {
    case <i32>Field.META_LENGTH:
      return giveNumber(packet().length + (s.hook == Hook.EGRESS ? ETHER_HEADER : 0));
    case <i32>Field.META_PROTOCOL:
      return giveNumber(etherType());
    case <i32>Field.META_NFPROTO:
      return giveNumber(family());
    case <i32>Field.META_L4PROTO:
      return packet().family != <u8>FamilyCode.ARP && giveNumber(packet().protocol);
    case <i32>Field.META_MARK:
      return giveNumber(packet().mark);
    case <i32>Field.META_IIF:
      return giveIndex(s.iif);
    case <i32>Field.META_OIF:
      return giveIndex(s.oif);
    case <i32>Field.META_IIFNAME:
      return giveName(s.iif);
    case <i32>Field.META_OIFNAME:
      return giveName(s.oif);
    case <i32>Field.META_IIFTYPE:
      return giveType(ownLink());
    case <i32>Field.META_OIFTYPE:
      return giveType(s.oif);
    case <i32>Field.META_IIFKIND:
      return giveKind(s.iif);
    case <i32>Field.META_OIFKIND:
      return giveKind(s.oif);
    case <i32>Field.META_IBRNAME:
      return giveBridge(s.iif);
    case <i32>Field.META_IBRHWADDR:
      return some(s.iif) && some(s.iif.master) && giveNumber(s.iif.master.mac);
    case <i32>Field.META_OBRNAME:
      return giveBridge(s.oif);
    default:
      return giveNumber(packetType());
  }
}
