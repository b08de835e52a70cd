/** What a dump shows of a node or pod, thing by thing, and the same dump with one of them as a healthy node has it. */
import type { Table } from '@podwire/engine';
import type { NodeDump } from '../linux/node/index.ts';
import type { LinkName } from './answer.ts';

/** One thing of a dump that may be at fault. */
export interface DumpPart {
  link: LinkName;
  code: string;
  /** The setting by name: `net.ipv4.ip_forward = 0`. */
  setting: string;
  text: string;
  mend: string;
  /** The dump without this fault. */
  healthy(dump: NodeDump): NodeDump;
}

type Host = NodeDump['netnses'][number];

function changed(dump: NodeDump, change: (host: Host) => Host): NodeDump {
  const [host, ...others] = dump.netnses;
  return host ? { ...dump, netnses: [change(host), ...others] } : dump;
}

/** Settings without which a node does not carry the packets of pods, and the values that do. */
const SYSCTLS: readonly {
  name: RegExp;
  healthy: number;
  isBad(value: number): boolean;
  link: LinkName;
  why: string;
}[] = [
  {
    name: /^net\.bridge\.bridge-nf-call-ip6?tables$/,
    healthy: 1,
    isBad: (value) => value === 0,
    link: 'bridge',
    why: 'frames between pods of one node pass the bridge without conntrack: answers keep the address of the pod',
  },
  {
    name: /^net\.ipv4\.(ip_forward|conf\.[^.]+\.forwarding)$|^net\.ipv6\.conf\.all\.forwarding$/,
    healthy: 1,
    isBad: (value) => value === 0,
    link: 'route',
    why: 'the node forwards no packets',
  },
  {
    name: /^net\.ipv4\.conf\..+\.rp_filter$/,
    healthy: 0,
    isBad: (value) => value === 1,
    link: 'route',
    why: 'packets are dropped whose answers would leave by another link',
  },
  {
    name: /^net\.ipv4\.conf\..+\.route_localnet$/,
    healthy: 1,
    isBad: (value) => value === 0,
    link: 'route',
    why: 'node ports on 127.0.0.1 do not work',
  },
  {
    name: /^net\.netfilter\.nf_conntrack_tcp_be_liberal$/,
    healthy: 1,
    isBad: (value) => value === 0,
    link: 'conntrack',
    why: 'segments outside the window are INVALID, and rules drop these',
  },
  {
    name: /^net\.(netfilter\.)?nf_conntrack_max$/,
    healthy: 1 << 30,
    isBad: () => true,
    link: 'conntrack',
    why: 'the table of connections is full',
  },
  {
    name: /^net\.ipv6\.conf\..+\.disable_ipv6$/,
    healthy: 0,
    isBad: (value) => value === 1,
    link: 'route',
    why: 'IPv6 is off there',
  },
];

/** Of `all` and the link's own setting the larger counts for some: these are set together. */
function settled({ netns }: Host, key: string, value: number): Record<string, number> {
  const together = key.endsWith('.rp_filter')
    ? Object.keys(netns.sysctls).filter((k) => k.endsWith('.rp_filter'))
    : [key];
  return Object.fromEntries([...together, key].map((name) => [name, value]));
}

function sysctlParts(name: string, { netns, shown }: Host): DumpPart[] {
  if (!shown.has('sysctl')) return [];
  return Object.entries(netns.sysctls).flatMap(([key, value]): DumpPart[] => {
    const row = SYSCTLS.find((one) => one.name.test(key));
    if (!row?.isBad(Number(value))) return [];
    const { healthy } = row;
    return [
      {
        link: row.link,
        code: 'sysctl',
        setting: `${key} = ${value} on ${name}`,
        text: `${key} is ${value} on ${name}: ${row.why}.`,
        mend: `Set ${key} to ${healthy} on ${name}, and keep it in /etc/sysctl.d.`,
        healthy: (dump) =>
          changed(dump, (host) => ({
            ...host,
            netns: { ...host.netns, sysctls: { ...host.netns.sysctls, ...settled(host, key, healthy) } },
          })),
      },
    ];
  });
}

/** Who writes chains of such names. */
const WRITERS: readonly (readonly [RegExp, string])[] = [
  [/^ufw6?-/, 'ufw'],
  [/^(IN|FWD[OI]?|FORWARD|INPUT)_(ZONES|public|direct|IN_ZONES|OUT_ZONES)|^firewalld$/, 'firewalld'],
  [/^DOCKER/, 'Docker'],
  [/^cali-/, 'Calico'],
  [/^f2b-/, 'fail2ban'],
  [/^CSF|^LOCALINPUT$/, 'csf'],
];

function writerOf(chains: readonly { name: string }[]): string | undefined {
  return WRITERS.find(([pattern]) => chains.some(({ name }) => pattern.test(name)))?.[1];
}

function isTranslation({ body }: Table['chains'][number]['rules'][number]): boolean {
  return body.some(({ kind }) => kind === 'dnat' || kind === 'redirect');
}

function tableParts(node: string, { netns, mixed }: Host): DumpPart[] {
  return netns.netfilter.map(({ family, name, chains, syntax }): DumpPart => {
    const tool =
      syntax === 'nft' ? `table ${family} ${name}` : `${family === 'ip6' ? 'ip6tables' : 'iptables'} ${name}`;
    const translates = chains.some((chain) => chain.name === 'KUBE-SERVICES' || chain.rules.some(isTranslation));
    const withoutProxy = name === 'nat' && !translates;
    const writer = writerOf(chains);
    const dropping = chains.filter(({ hook }) => hook?.policy === 'drop').map((chain) => chain.name);
    const twice = mixed.includes(`${family} ${name}`) ? ', by iptables-legacy and iptables-nft both' : '';
    const by = `${writer === undefined ? '' : ` (${writer})`}${twice}`;
    const policies = dropping.length === 0 ? '' : `; policy DROP: ${dropping.join(', ')}`;
    const rest = {
      setting: withoutProxy
        ? `kube-proxy rules on ${node}: ${tool} has no chain KUBE-SERVICES`
        : `${tool}${by} on ${node}${policies}`,
      healthy: (dump: NodeDump) =>
        changed(dump, (host) => ({
          ...host,
          netns: {
            ...host.netns,
            netfilter: host.netns.netfilter.filter((table) => table.family !== family || table.name !== name),
          },
        })),
    };
    return withoutProxy
      ? {
          ...rest,
          link: 'proxy-rule',
          code: 'proxy-rules-missing',
          text: `${node} has no rules of kube-proxy: nothing there translates the addresses of Services.`,
          mend: 'See why kube-proxy there does not write them: its log, and which iptables it uses (legacy or nft).',
        }
      : name === 'nat'
        ? {
            ...rest,
            link: 'nat',
            code: 'nat-rules',
            text: `${tool} of ${node} translates otherwise than kube-proxy would.`,
            mend: `Compare iptables-save -t nat on ${node} with another node.`,
          }
        : {
            ...rest,
            link: 'node-firewall',
            code: 'node-firewall',
            text: `The firewall of ${node}${by} stops it: ${tool}${policies}.`,
            mend:
              writer === 'ufw'
                ? 'Let the pod and Service networks pass: ufw allow from POD-CIDR, ufw route allow in on CNI-LINK, or DEFAULT_FORWARD_POLICY="ACCEPT".'
                : writer === 'firewalld'
                  ? 'Put the links of the network plugin into the zone trusted: firewall-cmd --permanent --zone=trusted --add-interface=cni0.'
                  : 'Accept the pod and Service networks in that chain.',
          };
  });
}

/** What `ipvsadm` showed, where kube-proxy would have it otherwise. */
function ipvsParts(node: string, { netns, shown, namedIpvs }: Host): DumpPart[] {
  if (!shown.has('ipvs-list') && !shown.has('ipvs-save')) return [];
  const count = (netns.ipvs ?? []).length + namedIpvs.length;
  return [
    {
      link: 'proxy-rule',
      code: 'virtual-services',
      setting: `virtual services of ${node} (ipvsadm)`,
      text:
        count === 0
          ? `${node} has no virtual services: nothing there takes what is sent to Services.`
          : `The virtual services of ${node} are not those that kube-proxy would have there now: it does not keep them up to date.`,
      mend: `See why kube-proxy on ${node} does not write them: its log, and whether ipvsadm -Ln follows when a Service changes.`,
      healthy: (dump) =>
        changed(dump, (host) => {
          const { ipvs: _, ...rest } = host.netns;
          const kinds = [...host.shown].filter((kind) => kind !== 'ipvs-list' && kind !== 'ipvs-save');
          return { ...host, netns: rest, namedIpvs: [], shown: new Set(kinds) };
        }),
    },
  ];
}

/** Links that carry packets inside packets. */
const OVERLAY = /^(flannel|vxlan|cilium_(vxlan|geneve)|tunl|wg|wireguard|geneve|gre|weave|antrea-tun)/;

function routeParts(node: string, { routes }: Host): DumpPart[] {
  if (routes.length === 0) return [];
  const overlay = routes.flatMap(({ route }) => route.nexthops).find(({ dev }) => OVERLAY.test(dev))?.dev;
  return [
    {
      link: overlay === undefined ? 'route' : 'overlay',
      code: 'routes',
      setting: `routes of ${node}${overlay === undefined ? '' : ` (${overlay})`}`,
      text: `The routes of ${node} do not lead where the packet has to go.`,
      mend: `Compare ip route on ${node} with another node; the network plugin's agent there writes them.`,
      healthy: (dump) => changed(dump, (host) => ({ ...host, routes: [] })),
    },
  ];
}

function hairpinParts(node: string, { hairpin, netns }: Host): DumpPart[] {
  if (hairpin.length === 0 || !hairpin.includes(false)) return [];
  const bridge = netns.links.find(({ kind }) => kind === 'bridge')?.name;
  return [
    {
      link: 'bridge',
      code: 'hairpin-off',
      setting: `hairpin_mode 0 of the ports of ${bridge ?? 'the bridge'} on ${node}`,
      text: `hairpin_mode is 0 at the bridge ports of ${node}: a frame cannot leave by the port it came in by, so a pod does not reach itself through its Service.`,
      mend: "Set hairpinMode in the plugin's configuration (kubelet: --hairpin-mode=hairpin-veth), or promiscuous mode at the bridge.",
      healthy: (dump) => changed(dump, (host) => ({ ...host, hairpin: host.hairpin.map(() => true) })),
    },
  ];
}

function listenerParts(name: string, { netns }: Host): DumpPart[] {
  const { listeners } = netns;
  if (!listeners) return [];
  const loopback = listeners.filter(({ address }) => address.startsWith('127.') || address === '::1');
  const has = (loopback.length > 0 ? loopback : listeners).map(({ address, port }) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
  );
  return [
    {
      link: 'listener',
      code: loopback.length > 0 ? 'listener-loopback' : 'no-listener',
      setting: `listener of ${name}: ${has.join(', ') || 'none'}`,
      text:
        loopback.length > 0
          ? `In ${name} the program listens on ${has.join(', ')} only, which nobody outside it reaches.`
          : `In ${name} nothing listens on that port; there are ${has.join(', ') || 'no listeners'}.`,
      mend: loopback.length > 0 ? 'Bind to 0.0.0.0 or ::.' : 'Listen on the targetPort, or correct the targetPort.',
      healthy: (dump) =>
        changed(dump, (host) => {
          const { listeners: _, ...rest } = host.netns;
          return { ...host, netns: rest };
        }),
    },
  ];
}

/** Connections that lead to an address which nobody has any more. */
function conntrackParts(node: string, { netns }: Host, isKnown: (address: string) => boolean): DumpPart[] {
  const stale = (netns.conntrack ?? []).filter(({ dnat, reply }) => dnat && !isKnown(reply.saddr));
  const [first] = stale;
  if (!first) return [];
  const { original, reply } = first;
  const port = reply.sport === 0 ? '' : `:${reply.sport}`;
  return [
    {
      link: 'conntrack',
      code: 'stale-connection',
      setting: `conntrack entry on ${node}: ${original.daddr}:${original.dport} to ${reply.saddr}${port}`,
      text: `${node} still takes ${original.daddr}:${original.dport} for ${reply.saddr}${port}, which no pod has: a client that never pauses keeps the old entry.`,
      mend: `conntrack -D -d ${original.daddr} on ${node}, or let the client use a new source port.`,
      healthy: (dump) =>
        changed(dump, (host) => {
          const { conntrack: _, ...rest } = host.netns;
          return { ...host, netns: rest };
        }),
    },
  ];
}

/** Everything in a dump that may be at fault, what decides most often first. `name`: `node-1`, `pod shop/api-1`; `isKnown`: whether the cluster has the address. */
export function dumpParts(name: string, dump: NodeDump, isKnown: (address: string) => boolean): DumpPart[] {
  const [host] = dump.netnses;
  if (!host) return [];
  return [
    ...listenerParts(name, host),
    ...conntrackParts(name, host, isKnown),
    ...sysctlParts(name, host),
    ...hairpinParts(name, host),
    ...tableParts(name, host),
    ...ipvsParts(name, host),
    ...routeParts(name, host),
  ];
}
