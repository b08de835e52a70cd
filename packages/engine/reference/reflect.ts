import { type Packet, sysctl } from '../src/index.ts';
import type { Host } from './state.ts';

/** The packet's own mark comes back only where a sysctl says so. */
export const reflectedMark = (host: Host, packet: Packet): number =>
  sysctl(host.netns.sysctls, packet.family === 4 ? 'net.ipv4.fwmark_reflect' : 'net.ipv6.fwmark_reflect') !== 0
    ? packet.mark
    : 0;
