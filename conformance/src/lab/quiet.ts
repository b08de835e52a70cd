/** What keeps hosts from saying of their own accord what the machine does not walk, and what rules and connections would see. */
import type { Netns } from '@podwire/engine';

/** A redirect takes the connection that it is about along; one that does not arrive has an error of its own (ndisc_send_redirect). */
const NO_REDIRECTS =
  'table ip6 quiet {\nchain output { type filter hook output priority -500; icmpv6 type nd-redirect drop; }\n}\n';

/** Who asks who has an address behind a tunnel, and tells of groups there, does it in packets of the tunnel. Neighbours there are given. */
const quietTunnel = (name: string) =>
  `chain ${name} { type filter hook egress device ${name} priority -500; meta protocol arp drop; icmpv6 type { 133-137, 143 } drop; }\n`;

/** Before links come up. */
export function quietPrograms(netns: Netns): { netns: string; argv: string[]; input: string }[] {
  const tunnels = netns.links.filter(({ kind }) => kind === 'vxlan').map(({ name }) => quietTunnel(name));
  const input = [
    ...(netns.netfilter.some(({ family }) => family !== 'ip') ? [NO_REDIRECTS] : []),
    ...(tunnels.length > 0 ? [`table netdev quiet {\n${tunnels.join('')}}\n`] : []),
  ].join('');
  return input === '' ? [] : [{ netns: netns.name, argv: ['nft', '-f', '-'], input }];
}
