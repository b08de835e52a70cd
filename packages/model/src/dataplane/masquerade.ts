/** What a network plugin masquerades when it leaves the cluster, in the rules of the program that does it. */
import { type Family, parsePrefix } from '@podwire/engine';
import { cniProfile } from '../cluster/detect/cni-profiles.ts';
import type { Addition } from './additions.ts';
import type { DataplaneCause } from './cause.ts';
import { ruleOf, tableFamily } from './rule-text.ts';

export interface MasqueradeInput {
  family: Family;
  cni: string;
  /** Pod networks of the cluster, this family's. */
  clusterCIDRs: readonly string[];
  /** The node's own pod CIDR of this family. */
  podCIDR: string | undefined;
  /** The node's address, and the subnet that it stands in. */
  node?: { address: string; subnet: string };
}

const MULTICAST: Record<Family, string> = { 4: '224.0.0.0/4', 6: 'ff00::/8' };

/**
 * An agent's chain, hung at the end of POSTROUTING: return for pods, masquerade the rest (kubernetes-sigs/ip-masq-agent,
 * cmd/ip-masq-agent; kindnetd's masq.go, which grew out of it).
 */
function agent({ family, cni, clusterCIDRs }: MasqueradeInput, chain: string, name: string): Addition {
  const table = tableFamily(family);
  const cause = (why: string): DataplaneCause => ({ kind: 'cni', cni, why });
  const comment = `-m comment --comment "${name}: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom ${chain} chain"`;
  const notLocal = '-m addrtype ! --dst-type LOCAL';
  // The two differ in what they hand to iptables first, and iptables keeps that order.
  const jump = `${(name === 'kind-masq-agent' ? [notLocal, comment] : [comment, notLocal]).join(' ')} -j ${chain}`;
  const rules = clusterCIDRs.map((cidr) =>
    ruleOf(
      `-d ${cidr} -m comment --comment "${name}: local traffic is not subject to MASQUERADE" -j RETURN`,
      table,
      cause('pods keep their address towards pods'),
    ),
  );
  const last = `-m comment --comment "${name}: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE`;
  return {
    family: table,
    table: 'nat',
    hooked: [
      {
        chain: 'POSTROUTING',
        at: 'last',
        rules: [ruleOf(jump, table, cause('what leaves the cluster is masqueraded'))],
      },
    ],
    chains: [
      {
        name: chain,
        rules: [...rules, ruleOf(last, table, cause('what leaves the cluster gets the address of its node'))],
      },
    ],
  };
}

/** flannel with --ip-masq (pkg/trafficmngr/iptables): its chains in nat and filter. */
function flannel({ family, cni, clusterCIDRs, podCIDR }: MasqueradeInput): Addition[] {
  const table = tableFamily(family);
  const network = clusterCIDRs[0];
  if (network === undefined) return [];
  const rule = (text: string, why: string) => ruleOf(text, table, { kind: 'cni', cni, why });
  const comment = '-m comment --comment "flanneld masq"';
  const own = podCIDR ?? network;
  const masquerade = [
    rule(`-m mark --mark 0x4000/0x4000 ${comment} -j RETURN`, 'kube-proxy masquerades what it marked'),
    rule(`-s ${own} -d ${network} ${comment} -j RETURN`, 'pods keep their address towards pods'),
    rule(`-s ${network} -d ${own} ${comment} -j RETURN`, 'pods keep their address towards pods'),
    rule(`! -s ${network} -d ${own} ${comment} -j RETURN`, 'what comes in to pods here keeps its address'),
    rule(
      `-s ${network} ! -d ${MULTICAST[family]} ${comment} -j MASQUERADE --random-fully`,
      'what leaves the cluster gets the address of its node',
    ),
    rule(
      `! -s ${network} -d ${network} ${comment} -j MASQUERADE --random-fully`,
      'what goes on to pods elsewhere comes back through this node',
    ),
  ];
  const forward = '-m comment --comment "flanneld forward"';
  return [
    {
      family: table,
      table: 'nat',
      hooked: [
        {
          chain: 'POSTROUTING',
          at: 'last',
          rules: [rule(`${comment} -j FLANNEL-POSTRTG`, 'what leaves the cluster is masqueraded')],
        },
      ],
      chains: [{ name: 'FLANNEL-POSTRTG', rules: masquerade }],
    },
    {
      family: table,
      table: 'filter',
      hooked: [
        {
          chain: 'FORWARD',
          at: 'last',
          rules: [rule(`${forward} -j FLANNEL-FWD`, 'pods may be forwarded to and from')],
        },
      ],
      chains: [
        {
          name: 'FLANNEL-FWD',
          rules: [
            rule(`-s ${network} ${forward} -j ACCEPT`, 'pods may be forwarded to and from'),
            rule(`-d ${network} ${forward} -j ACCEPT`, 'pods may be forwarded to and from'),
          ],
        },
      ],
    },
  ];
}

/**
 * The AWS VPC CNI without AWS_VPC_K8S_CNI_EXTERNALSNAT (amazon-vpc-cni-k8s, pkg/networkutils/network.go): what leaves the VPC gets the primary
 * address of the node. Which ranges the VPC has no object says: those of its pods and nodes stand for them. IPv6 is not translated.
 */
function aws({ family, cni, clusterCIDRs, node }: MasqueradeInput): Addition[] {
  if (family === 6 || !node) return [];
  const table = tableFamily(family);
  const chain = 'AWS-SNAT-CHAIN-0';
  const rule = (text: string, why: string) => ruleOf(text, table, { kind: 'cni', cni, why });
  const returns = [...new Set([...clusterCIDRs, node.subnet])].map((cidr) =>
    rule(`-d ${cidr} -m comment --comment "AWS SNAT CHAIN" -j RETURN`, 'addresses are kept within the VPC'),
  );
  const last = `! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source ${node.address} --random-fully`;
  const jump = rule(`-m comment --comment "AWS SNAT CHAIN" -j ${chain}`, 'what leaves the VPC is translated');
  return [
    {
      family: table,
      table: 'nat',
      hooked: [{ chain: 'POSTROUTING', at: 'last', rules: [jump] }],
      chains: [{ name: chain, rules: [...returns, rule(last, 'what leaves the VPC gets the address of its node')] }],
    },
  ];
}

/** Makes each kind of addition once: nodes that differ in nothing that matters share it. */
export class Masquerades {
  readonly #known = new Map<string, Addition[]>();

  for(input: MasqueradeInput): Addition[] {
    const { masquerade } = cniProfile(input.cni);
    // Only flannel's rules name the node's own range, and AWS's the node's address.
    const own = masquerade === 'flannel' ? input.podCIDR : masquerade === 'aws' ? input.node?.address : '';
    const key = `${masquerade} ${input.family} ${own}`;
    const known = this.#known.get(key);
    if (known) return known;
    const made = this.#make(masquerade, input);
    this.#known.set(key, made);
    return made;
  }

  #make(masquerade: ReturnType<typeof cniProfile>['masquerade'], input: MasqueradeInput): Addition[] {
    if (parsePrefix(input.clusterCIDRs[0] ?? '') === undefined) return [];
    switch (masquerade) {
      case 'kindnet':
        return [agent(input, 'KIND-MASQ-AGENT', 'kind-masq-agent')];
      case 'agent':
        return [agent(input, 'IP-MASQ', 'ip-masq-agent')];
      case 'flannel':
        return flannel(input);
      case 'aws':
        return aws(input);
      case 'none':
        return [];
    }
  }
}
