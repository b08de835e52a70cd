/** The packet's connection (nft_ct.c:nft_ct_get_eval()). False: it has none, or its addresses are of the other family. */
import { CtStatus } from '../../../src/ct-codes';
import { Field } from '../../../src/nft-codes';
import { directionOf, skb, some } from '../../core/skb';
import { zoneIn } from '../../ct/flows';
import { stateOf } from '../../ct/track';
import { Flow } from '../../layout/flow';
import { give, giveNumber } from './value';

/** `enum ip_conntrack_status` */
enum Ips {
  EXPECTED = 1,
  SEEN_REPLY = 2,
  ASSURED = 4,
  CONFIRMED = 8,
  SRC_NAT = 16,
  DST_NAT = 32,
  SRC_NAT_DONE = 128,
  DST_NAT_DONE = 256,
  DYING = 512,
}

const NFPROTO_4: u32 = 2;
const NFPROTO_6: u32 = 10;

@inline
function bit(status: u32, own: u32, kernel: u32): u32 {
  return (status & own) != 0 ? kernel : 0;
}

function statusOf(flow: Flow): u32 {
  const status = flow.status;
  return (
    bit(status, CtStatus.EXPECTED, Ips.EXPECTED) |
    bit(status, CtStatus.SEEN_REPLY, Ips.SEEN_REPLY) |
    bit(status, CtStatus.ASSURED, Ips.ASSURED) |
    bit(status, CtStatus.CONFIRMED, Ips.CONFIRMED) |
    bit(status, CtStatus.SNAT, Ips.SRC_NAT) |
    bit(status, CtStatus.DNAT, Ips.DST_NAT) |
    bit(status, CtStatus.SRC_DONE, Ips.SRC_NAT_DONE) |
    bit(status, CtStatus.DST_DONE, Ips.DST_NAT_DONE) |
    bit(status, CtStatus.DYING, Ips.DYING)
  );
}

/** `family` 0: whatever the connection has. */
@inline
function giveAddress(flow: Flow, family: u32, hi: u64, lo: u64): bool {
  return (family == 0 || flow.oFamily == family) && give(hi, lo);
}

export function ctField(field: u32, family: u32): bool {
  const s = skb();
  const flow = s.flow;
  if (field == Field.CT_STATE) return giveNumber(stateOf());
  if (!some(flow)) return false;
  switch (<i32>field) {
    case <i32>Field.CT_STATUS:
      return giveNumber(statusOf(flow));
    case <i32>Field.CT_DIRECTION:
      return giveNumber(directionOf(s.ctInfo));
    case <i32>Field.CT_MARK:
      return giveNumber(flow.mark);
    case <i32>Field.CT_ZONE:
      return giveNumber(flow.zone);
    case <i32>Field.CT_ORIGINAL_ZONE:
      return giveNumber(zoneIn(flow.zone, flow.zoneDirections, 0));
    case <i32>Field.CT_REPLY_ZONE:
      return giveNumber(zoneIn(flow.zone, flow.zoneDirections, 1));
    case <i32>Field.CT_L3PROTO:
      return giveNumber(flow.oFamily == 4 ? NFPROTO_4 : NFPROTO_6);
    case <i32>Field.CT_PROTOCOL:
      return giveNumber(flow.oProtocol);
    case <i32>Field.CT_ORIGINAL_SADDR:
      return giveAddress(flow, family, flow.oSaddrHi, flow.oSaddrLo);
    case <i32>Field.CT_ORIGINAL_DADDR:
      return giveAddress(flow, family, flow.oDaddrHi, flow.oDaddrLo);
    case <i32>Field.CT_ORIGINAL_SPORT:
      return giveNumber(flow.oSport);
    case <i32>Field.CT_ORIGINAL_DPORT:
      return giveNumber(flow.oDport);
    case <i32>Field.CT_REPLY_SADDR:
      return giveAddress(flow, family, flow.rSaddrHi, flow.rSaddrLo);
    case <i32>Field.CT_REPLY_DADDR:
      return giveAddress(flow, family, flow.rDaddrHi, flow.rDaddrLo);
    case <i32>Field.CT_REPLY_SPORT:
      return giveNumber(flow.rSport);
    default:
      return giveNumber(flow.rDport);
  }
}
