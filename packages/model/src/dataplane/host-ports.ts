/**
 * hostPorts as the portmap plugin writes them with iptables (containernetworking/plugins, plugins/meta/portmap/portmap_iptables.go). Real
 * chains and comments carry the id of the pod's sandbox, which Kubernetes does not show: the pod's name stands for it.
 */
import { type Chain, type Family, parseAddress, type Rule } from '@podwire/engine';
import type { Placed } from '../cluster/cluster.ts';
import { canonical } from '../net/cidr.ts';
import { hexDigits } from '../objects/drawn-names.ts';
import type { Pod } from '../objects/kube.ts';
import { containerPorts, podAddresses } from '../objects/pod-facts.ts';
import type { Addition } from './additions.ts';
import type { DataplaneCause } from './cause.ts';
import { ruleOf, tableFamily } from './rule-text.ts';

/** A pod with a network of its own, as portmap sees it. */
export interface HostPortPod {
  pod: Placed<Pod>;
  /** By family: its address with the length of its subnet: `10.244.1.5/24`. */
  subnets: Partial<Record<Family, string>>;
}

const MARK = '0x2000/0x2000';

/** iptables takes 15 ports in one multiport match. */
const MAX_PORTS = 15;

interface Mapping {
  protocol: string;
  hostPort: number;
  hostIP: string | undefined;
  containerPort: number;
  path: (string | number)[];
}

/** An empty hostIP, or the any-address of this family, means every address of it. */
function appliesTo(hostIP: string | undefined, family: Family): boolean {
  if (hostIP === undefined || hostIP === '') return true;
  return parseAddress(hostIP)?.family === family;
}

function mappingsOf(pod: Pod, family: Family): Mapping[] {
  const found: Mapping[] = [];
  for (const { port, path } of containerPorts(pod)) {
    if (!port.hostPort || !appliesTo(port.hostIP, family)) continue;
    const isAny = !port.hostIP || port.hostIP === '0.0.0.0' || port.hostIP === '::';
    found.push({
      protocol: (port.protocol ?? 'TCP').toLowerCase(),
      hostPort: port.hostPort,
      hostIP: isAny ? undefined : canonical(port.hostIP),
      containerPort: port.containerPort,
      path,
    });
  }
  return found;
}

function podChain(
  { pod, subnets }: HostPortPod,
  family: Family,
  network: string,
  mappings: readonly Mapping[],
  address: string,
): { chain: Chain; jumps: Rule[] } {
  const table = tableFamily(family);
  const { name, namespace } = pod.object.metadata;
  const id = `${namespace}/${name}`;
  const chain = `CNI-DN-${hexDigits(`${network} ${id}`, 21)}`;
  const cause = (path: (string | number)[], why: string): DataplaneCause => ({ kind: 'host-port', pod, path, why });
  const rules: Rule[] = [];
  for (const { protocol, hostPort, hostIP, containerPort, path } of mappings) {
    const to = hostIP === undefined ? '' : `-d ${hostIP} `;
    const match = `${to}-p ${protocol} -m ${protocol} --dport ${hostPort}`;
    const add = (text: string, why: string): void => void rules.push(ruleOf(text, table, cause(path, why)));
    add(
      `-s ${subnets[family]} ${match} -j CNI-HOSTPORT-SETMARK`,
      'pods beside it see the answer come back through the node',
    );
    if (family === 4) add(`-s 127.0.0.1 ${match} -j CNI-HOSTPORT-SETMARK`, 'a loopback address cannot leave the node');
    add(
      `${match} -j DNAT --to-destination ${family === 4 ? address : `[${address}]`}:${containerPort}`,
      `host port ${hostPort} leads to the pod`,
    );
  }
  const jumps: Rule[] = [];
  for (const protocol of ['tcp', 'udp', 'sctp']) {
    const ports = [...new Set(mappings.filter((m) => m.protocol === protocol).map((m) => m.hostPort))];
    for (let i = 0; i < ports.length; i += MAX_PORTS) {
      const first = mappings.find((m) => m.protocol === protocol && m.hostPort === ports[i]) as Mapping;
      const text = `-p ${protocol} -m comment --comment "dnat name: \\"${network}\\" id: \\"${id}\\"" -m multiport --dports ${ports.slice(i, i + MAX_PORTS).join(',')} -j ${chain}`;
      jumps.push(ruleOf(text, table, cause(first.path, `host ports of ${id}`)));
    }
  }
  return { chain: { name: chain, rules }, jumps };
}

/** The additions for one node and family; none where no pod has a host port. */
export function hostPortAdditions(pods: readonly HostPortPod[], family: Family, network: string): Addition[] {
  const table = tableFamily(family);
  const made = pods.flatMap((pod) => {
    const mappings = mappingsOf(pod.pod.object, family);
    const address = podAddresses(pod.pod.object).find((a) => parseAddress(a)?.family === family);
    return mappings.length === 0 || address === undefined || pod.subnets[family] === undefined
      ? []
      : [podChain(pod, family, network, mappings, address)];
  });
  if (made.length === 0) return [];
  const rule = (text: string, why: string): Rule => ruleOf(text, table, { kind: 'cni', cni: 'portmap', why });
  const jump = [
    rule('-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT', 'host ports are served on every address of the node'),
  ];
  return [
    {
      family: table,
      table: 'nat',
      hooked: [
        { chain: 'PREROUTING', at: 'last', rules: jump },
        { chain: 'OUTPUT', at: 'last', rules: jump },
        {
          chain: 'POSTROUTING',
          at: 'first',
          rules: [
            rule(
              '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
              'marked connections to host ports are masqueraded',
            ),
          ],
        },
      ],
      chains: [
        ...made.map((m) => m.chain),
        { name: 'CNI-HOSTPORT-DNAT', rules: made.flatMap((m) => m.jumps) },
        {
          name: 'CNI-HOSTPORT-MASQ',
          rules: [rule(`-m mark --mark ${MARK} -j MASQUERADE`, 'the answer must come back through the node')],
        },
        {
          name: 'CNI-HOSTPORT-SETMARK',
          rules: [
            rule(
              `-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${MARK}`,
              'marks what POSTROUTING masquerades',
            ),
          ],
        },
      ],
    },
  ];
}
