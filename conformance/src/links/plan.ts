/** The lab's plan of a network with links that stand on others: those are made once the others are there. */
import type { Link, Netns, Network } from '@podwire/engine';
import { type Plan, planOf } from '../lab/plan.ts';
import type { Listening } from '../lab/terms.ts';

type Program = Plan['programs'][number][number] & { lines?: string[][] };

const STACKED = new Set<Link['kind']>(['macvlan', 'vxlan', 'tun', 'tap']);
const isStacked = ({ kind }: Link) => STACKED.has(kind);

function vxlanWords({ tunnel = {} }: Link): string[] {
  const { id, local, remote, dev, port, ttl, tos, df, learning } = tunnel;
  const words = { id, local, remote, dev, dstport: port, ttl, tos, df };
  return [
    ...Object.entries(words).flatMap(([name, value]) => (value === undefined ? [] : [name, `${value}`])),
    ...(learning === false ? ['nolearning'] : []),
  ];
}

/** In which namespace the link is made, and how; `%name` stands for a namespace. */
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

const settings = ({ name, master, up }: Link): string[][] => [
  ...(master === undefined ? [] : [['link', 'set', 'dev', name, 'master', master]]),
  ...(up === false ? [] : [['link', 'set', 'dev', name, 'up']]),
];

function forwarding(netns: Netns): Program[] {
  const lines = (netns.fdb ?? []).map(({ mac, link, dst }) =>
    `fdb append ${mac} dev ${link} ${dst === undefined ? 'master static' : `dst ${dst} self permanent`}`.split(' '),
  );
  return lines.length === 0 ? [] : [{ netns: netns.name, argv: ['bridge', '-batch', '-'], lines }];
}

export function planOfLinks(network: Network, listening: readonly Listening[]): Plan {
  const plan = planOf(
    { netnses: network.netnses.map((netns) => ({ ...netns, links: netns.links.filter((link) => !isStacked(link)) })) },
    listening,
    'nft',
  );
  const stacked = network.netnses.flatMap((netns) =>
    netns.links.filter(isStacked).map((link) => ({ netns, link, made: making(netns, link) })),
  );
  const ip = (netns: string, lines: string[][]): Program => ({ netns, argv: ['ip', '-batch', '-'], lines });
  // One after the other: a link may stand on one that stands on a third.
  const programs: Program[][] = stacked.flatMap(({ netns, link, made }) => [
    [ip(made.netns, made.lines)],
    [ip(netns.name, settings(link))],
  ]);
  return { ...plan, programs: [...programs, network.netnses.flatMap(forwarding), ...plan.programs] };
}
