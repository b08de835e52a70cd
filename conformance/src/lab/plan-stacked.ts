/** Links that stand on others, and tunnels, in the words of `ip`: made once all others are there. */
import type { Link, Netns, Network } from '@podwire/engine';

/** A program whose input is lines of `ip -batch`, in which `%name` stands for a namespace. */
export interface LinesProgram {
  netns: string;
  argv: string[];
  lines: string[][];
}

const STACKED = new Set<Link['kind']>(['macvlan', 'vxlan', 'tun', 'tap']);
export const isStacked = ({ kind }: Link): boolean => STACKED.has(kind);

/** The machine's port for outer packets; the kernel draws one of a range, which has to be wider than none. */
const VXLAN_SOURCES = ['32768', '32769'];

function vxlanWords({ tunnel = {} }: Link): string[] {
  const { id, local, remote, dev, port, ttl, tos, df, learning } = tunnel;
  const words = { id, local, remote, dev, dstport: port, ttl, tos, df };
  return [
    ...Object.entries(words).flatMap(([name, value]) => (value === undefined ? [] : [name, `${value}`])),
    'srcport',
    ...VXLAN_SOURCES,
    ...(learning === false ? ['nolearning'] : []),
  ];
}

/** In which namespace the link is made, and how. */
function making(netns: Netns, link: Link): { netns: string; lines: string[][] } {
  const { name, mac, mtu, lower, mode, tunnel } = link;
  const details = [...(mac === undefined ? [] : ['address', mac]), ...(mtu === undefined ? [] : ['mtu', `${mtu}`])];
  const own = ['name', name, 'netns', `%${netns.name}`, ...details];
  if (link.kind === 'macvlan' && lower)
    return {
      netns: lower.netns,
      lines: [['link', 'add', 'link', lower.link, ...own, 'type', 'macvlan', 'mode', mode ?? 'vepa']],
    };
  if (link.kind === 'vxlan')
    return {
      netns: tunnel?.underlay ?? netns.name,
      lines: [['link', 'add', ...own, 'type', 'vxlan', ...vxlanWords(link)]],
    };
  return { netns: netns.name, lines: [['tuntap', 'add', 'mode', link.kind, 'name', name]] };
}

/** One after the other: a link may stand on one that stands on a third. */
export const stackedPrograms = ({ netnses }: Network): LinesProgram[][] =>
  netnses.flatMap((netns) =>
    netns.links.filter(isStacked).map((link) => {
      const { netns: where, lines } = making(netns, link);
      return [{ netns: where, argv: ['ip', '-batch', '-'], lines }];
    }),
  );

export function forwardingPrograms({ netnses }: Network): LinesProgram[] {
  return netnses
    .map((netns) => ({
      netns: netns.name,
      argv: ['bridge', '-batch', '-'],
      lines: (netns.fdb ?? []).map(({ mac, link, dst }) =>
        `fdb append ${mac} dev ${link} ${dst === undefined ? 'master static' : `dst ${dst} self permanent`}`.split(' '),
      ),
    }))
    .filter(({ lines }) => lines.length > 0);
}
