/** The lines that `ip -d` prints of a link's kind, and of the bridge or bond it is a port of (iproute2's ip/iplink_*.c). */
import type { LinkRecord } from './print-link.ts';
import { isStacked, stackData } from './stack-data.ts';
import { isDetailed, tunnelData } from './tunnel-data.ts';
import { vxlanWords } from './vxlan-data.ts';

/** Kinds that print a line of their own. */
const KINDS = new Set([
  'bareudp',
  'bond',
  'bridge',
  'can',
  'dummy',
  'erspan',
  'geneve',
  'gre',
  'gretap',
  'hsr',
  'ifb',
  'ip6erspan',
  'ip6gre',
  'ip6gretap',
  'ip6tnl',
  'ipip',
  'ipvlan',
  'ipvtap',
  'macsec',
  'macvlan',
  'macvtap',
  'netkit',
  'nlmon',
  'openvswitch',
  'ppp',
  'sit',
  'team',
  'tun',
  'vcan',
  'veth',
  'vlan',
  'vrf',
  'vti',
  'vti6',
  'vxlan',
  'wireguard',
  'xfrm',
]);

const SLAVES = /^(bridge|bond|vrf|team|openvswitch|macvlan|hsr)_(slave|port)$/;

function wordBehind(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

/** Adds to `record` what the line says; false where it is no such line. */
export function readDetails(words: readonly string[], record: Partial<LinkRecord>): boolean {
  const [kind = ''] = words;
  if (KINDS.has(kind)) {
    const data =
      kind === 'vxlan'
        ? vxlanWords(words)
        : isStacked(kind)
          ? stackData(kind, words.slice(1))
          : isDetailed(kind)
            ? tunnelData(words.slice(1))
            : undefined;
    record.linkinfo = { ...record.linkinfo, info_kind: kind, ...(data && { info_data: data }) };
    return true;
  }
  const slave = SLAVES.exec(kind)?.[1];
  if (slave === undefined) return false;
  record.linkinfo = {
    ...record.linkinfo,
    info_slave_kind: slave,
    info_slave_data: {
      hairpin: wordBehind(words, 'hairpin') === 'on',
      isolated: wordBehind(words, 'isolated') === 'on',
    },
  } as NonNullable<LinkRecord['linkinfo']>;
  return true;
}
