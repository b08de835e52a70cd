/** `ip tunnel show` and `ip -6 tunnel show` (iproute2's ip/iptunnel.c, ip6tunnel.c). */
import type { Link, Netns, Tunnel, TunnelKind } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, linesOf } from '../lines.ts';
import type { ReadOptions } from './read-records.ts';
import { dataOf, toTunnel, tunnelData, tunnelText } from './tunnel-data.ts';

/** By the protocols that a line begins with: what is in which. */
const KINDS: Readonly<Record<string, { kind: TunnelKind; mode?: string }>> = {
  'gre/ip': { kind: 'gre' },
  'ip/ip': { kind: 'ipip', mode: 'ipip' },
  'any/ip': { kind: 'ipip', mode: 'any' },
  'mpls/ip': { kind: 'ipip', mode: 'mplsip' },
  'ipv6/ip': { kind: 'sit', mode: 'ip6ip' },
  'ip/ipv6': { kind: 'ip6tnl', mode: 'ipip6' },
  'ipv6/ipv6': { kind: 'ip6tnl', mode: 'ip6ip6' },
  'any/ipv6': { kind: 'ip6tnl', mode: 'any' },
};

export interface ShownTunnel {
  name: string;
  kind: TunnelKind;
  tunnel: Tunnel;
}

export interface ReadTunnels {
  tunnels: ShownTunnel[];
  problems: Problem[];
}

/** Lines below a tunnel: what it does with sequence numbers and checksums, and counters. */
const STRANGE: readonly [RegExp, string][] = [
  [/^\s+Drop packets out of sequence/, 'iseq'],
  [/^\s+Checksum in received packet is required/, 'icsum'],
  [/^\s+Sequence packets on output/, 'oseq'],
  [/^\s+Checksum output packets/, 'ocsum'],
];
const PASSED = /^\s*(RX|TX):|^\s+[\d\s]+$/;

export function readIpTunnel(text: string, options: ReadOptions = {}): ReadTunnels {
  const tunnels: ShownTunnel[] = [];
  const problems: Problem[] = [];
  eachLine(linesOf(text, options), 'ip-tunnel', problems, options, ({ text: line }) => {
    const last = tunnels.at(-1);
    const strange = STRANGE.find(([form]) => form.test(line))?.[1];
    if (strange !== undefined && last) {
      const before = last.tunnel.unmodelled;
      last.tunnel.unmodelled = before === undefined ? strange : `${before} ${strange}`;
      return;
    }
    if (PASSED.test(line)) return;
    const m = /^(\S+): (\w+\/\w+) (.*)$/.exec(line);
    if (!m) throw new RangeError('no tunnel');
    const [, name = '', protocols = '', rest = ''] = m;
    const known = Object.hasOwn(KINDS, protocols) ? KINDS[protocols] : undefined;
    if (!known) throw new RangeError(`a tunnel of ${protocols} is not known`);
    // Nothing but its name tells a SIT for all protocols from an IPIP one.
    const kind = protocols === 'any/ip' && name.startsWith('sit') ? 'sit' : known.kind;
    const data = tunnelData(rest.trim().split(/\s+/));
    tunnels.push({
      name,
      kind,
      tunnel: toTunnel(kind, { ...data, ...(known.mode !== undefined && { proto: known.mode }) }),
    });
  });
  return { tunnels, problems };
}

function protocolsOf({ kind, tunnel }: Link): string | undefined {
  const mode =
    tunnel?.mode ?? (kind === 'ipip' ? 'ipip' : kind === 'sit' ? 'ip6ip' : kind === 'ip6tnl' ? 'any' : undefined);
  // A SIT that carries everything is written as an IPIP one is.
  const shown = kind === 'sit' && mode === 'any' ? 'ipip' : kind;
  return Object.entries(KINDS).find(([, known]) => known.kind === shown && known.mode === mode)?.[0];
}

/** `ip tunnel show`, or of those over IPv6. */
export function printTunnels({ links }: Netns, family: 4 | 6): string {
  return links
    .flatMap((link) => {
      const data = dataOf(link);
      const protocols = protocolsOf(link);
      if (!data || protocols === undefined || protocols.endsWith('/ipv6') !== (family === 6)) return [];
      const { proto: _, pmtudisc, ...rest } = data;
      // Only what is out of the ordinary is told.
      const [, ...words] = tunnelText(link.kind, { ...rest, ...(pmtudisc === false && { pmtudisc }) }).split(' ');
      return [`${link.name}: ${protocols} ${words.join(' ')}\n`];
    })
    .join('');
}
