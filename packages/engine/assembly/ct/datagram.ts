/**
 * Protocols with little state: UDP and UDP-Lite, ICMP, GRE, all that has none (nf_conntrack_proto_udp.c:nf_conntrack_udp_packet(),
 * nf_conntrack_proto_gre.c:nf_conntrack_gre_packet(), nf_conntrack_core.c:generic_packet()).
 */
import { CtSetting, CtStatus } from '../../src/ct-codes';
import { Protocol } from '../../src/terms';
import { now } from '../core/clock';
import { Flow } from '../layout/flow';
import { GRE, refresh, setting, usualTimeout } from './settings';

/** After more than that a replied UDP connection counts as a stream. */
export const UDP_STREAM_MS: u64 = 2000;
const UDPLITE: u32 = 136;

/** A packet of the connection; it has the replies of before it, not itself. */
export function datagramPacket(flow: Flow): void {
  const protocol = <u32>flow.oProtocol;
  const replied = (flow.status & CtStatus.SEEN_REPLY) != 0;
  if (protocol == Protocol.UDP || protocol == UDPLITE) {
    const stream = replied && now() >= flow.streamFrom;
    refresh(flow, setting(flow.netns, stream ? CtSetting.UDP_STREAM : CtSetting.UDP));
    if (stream) flow.status |= CtStatus.ASSURED;
    return;
  }
  refresh(flow, usualTimeout(flow));
  if (protocol == GRE && replied) flow.status |= CtStatus.ASSURED;
}
