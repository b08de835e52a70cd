/**
 * Where a receiver stops seeing who sent: the rewrite of the source on the way, the rule that asked for it, and the setting that would keep the
 * address. kube-proxy marks what it will masquerade (pkg/proxy/iptables/proxier.go, pkg/proxy/nftables/proxier.go) and tells in the rule's
 * comment and chain what for; network plugins masquerade what leaves the cluster.
 */
import type { Step, Walk } from '@podwire/engine';
import { isDataplaneCause } from '../dataplane/cause.ts';
import type { Place, SourceLost } from './answer.ts';
import { causeObject, stepCause } from './cause.ts';
import { ruleText } from './linux-text.ts';
import type { Teller } from './walk-view.ts';

type RuleStep = Extract<Step, { kind: 'rule' }>;
type NatStep = Extract<Step, { kind: 'nat' }>;
type BalanceStep = Extract<Step, { kind: 'balance' }>;

const textOf = ({ chain, index, table }: RuleStep): string => ruleText(chain, index, table);

/** Rules of the namespace on this visit, the last first. */
function rulesBefore({ steps }: Walk, at: number): RuleStep[] {
  const rules: RuleStep[] = [];
  for (let i = at - 1; i >= 0; i--) {
    const step = steps[i] as Step;
    if (step.kind === 'enter') break;
    if (step.kind === 'rule') rules.push(step);
  }
  return rules;
}

/** kube-proxy's rule that asks for the masquerading, by jump or by mark. */
function isMarking(step: RuleStep): boolean {
  return step.target === 'KUBE-MARK-MASQ' || /\bmeta mark set meta mark \| /.test(textOf(step));
}

type Code = SourceLost['code'];

/** What kube-proxy's rules masquerade for; undefined for rules that are not its own. */
function proxyCode(masquerade: RuleStep, marking: RuleStep | undefined): Code | undefined {
  if (/@hairpin-connections\b|\bKUBE-(?:6-)?LOOP-BACK\b/.test(textOf(masquerade))) return 'hairpin';
  if (!marking) return undefined;
  const text = textOf(marking);
  const { name } = marking.chain;
  if (name.startsWith('KUBE-SEP-')) return 'hairpin';
  if (/masquerade local traffic/i.test(text)) return 'node-itself';
  if (/^KUBE-EXT-|^external-/.test(name) || /KUBE-(?:6-)?(?:NODE-PORT|LOAD-BALANCER|EXTERNAL-IP)/.test(text))
    return 'external-traffic';
  if (/cluster IP|@cluster-ips\b|KUBE-(?:6-)?CLUSTER-IP/.test(text))
    return /! -[si] |! --match-set| != |! -d /.test(text) ? 'outside-pod-network' : 'masquerade-all';
  return undefined;
}

function codeOf(masquerade: RuleStep, marking: RuleStep | undefined): Code {
  const cause = stepCause(masquerade);
  if (masquerade.chain.name === 'CNI-HOSTPORT-MASQ') return 'host-port';
  if (isDataplaneCause(cause) && cause.kind === 'cni') return 'leaves-cluster';
  return proxyCode(masquerade, marking) ?? 'rule';
}

const BY_PLUGIN: Readonly<Record<string, string>> = {
  flannel: 'flanneld without --ip-masq.',
  canal: 'flanneld without --ip-masq.',
  calico: 'natOutgoing: false in its IPPool.',
  cilium: 'enable-ipv4-masquerade: "false", or a wider ipv4-native-routing-cidr.',
  'aws-vpc-cni': 'AWS_VPC_K8S_CNI_EXTERNALSNAT=true of aws-node, with a NAT gateway.',
};

interface Telling {
  place: Place;
  from: Place | undefined;
  cause: unknown;
}

/** Why, and what would keep it. */
function told(code: Code, { place, from, cause }: Telling): Pick<SourceLost, 'text' | 'keep'> {
  const node = place.name;
  switch (code) {
    case 'external-traffic':
      return {
        text: `externalTrafficPolicy is Cluster: ${node} may send the packet on to another node, and has the answer come back through itself`,
        keep: 'spec.externalTrafficPolicy: Local, with an endpoint on every node that takes traffic.',
      };
    case 'outside-pod-network':
      return from?.kind === 'pod'
        ? {
            text: `kube-proxy on ${node} takes the client for none of the pods: its address is outside what clusterCIDR and detectLocalMode say`,
            keep: "kube-proxy's clusterCIDR as wide as the pod network, or detectLocalMode: NodeCIDR.",
          }
        : {
            text: `the client is no pod, so ${node} has the answer come back through itself`,
            keep: 'a client in a network of its own (no hostNetwork) is a pod to kube-proxy.',
          };
    case 'masquerade-all':
      return { text: 'kube-proxy runs with masqueradeAll', keep: 'masqueradeAll: false.' };
    case 'hairpin':
      return {
        text: `the client is its own endpoint: without another source it would answer itself past ${node}, and not know the answer`,
        keep: 'dialling localhost or its own address instead of the Service.',
      };
    case 'node-itself':
      return { text: `the packet was made on ${node}, which must get the answer whatever externalTrafficPolicy says` };
    case 'host-port':
      return {
        text: 'the host port leads to a pod beside the client: without another source it would answer past the node',
        keep: "dialling the pod's own address.",
      };
    case 'leaves-cluster': {
      const cni = isDataplaneCause(cause) && cause.kind === 'cni' ? cause.cni : 'unknown';
      const by = cni === 'unknown' ? 'what masquerades for the pods' : cni;
      return {
        text: `what leaves the pod network gets an address of ${node}, by ${by}`,
        keep: BY_PLUGIN[cni] ?? 'the destination among the networks that are not masqueraded.',
      };
    }
    case 'rule':
      return { text: `a rule of ${node} says so` };
  }
}

function firstLoss({ steps }: Walk): { step: NatStep | BalanceStep; to: string; at: number } | undefined {
  for (const [at, step] of steps.entries()) {
    if ((step.kind !== 'nat' && step.kind !== 'balance') || step.manip !== 'src' || !step.to) continue;
    if (step.from.address !== step.to.address) return { step, to: step.to.address, at };
  }
  return undefined;
}

/** An eBPF load balancer translates the source of what it sends on to another node (Cilium's bpf/lib/nodeport.h, `nodeport_snat_fwd_ipv4`). */
function byBalancer(step: BalanceStep, to: string, { places, provenance }: Teller): SourceLost {
  const place = places.of(step.netns.name);
  const object = causeObject(provenance, step.frontend.cause);
  if (step.link?.balancing?.loopback?.includes(to)) {
    const reason = told('hairpin', { place, from: undefined, cause: undefined });
    return { place, address: to, code: 'hairpin', ...reason, ...(object && { object }) };
  }
  return {
    place,
    address: to,
    code: 'external-traffic',
    text: `the eBPF programs of ${place.name} send the packet on to another node, and have the answer come back through themselves`,
    keep: 'spec.externalTrafficPolicy: Local, with an endpoint on every node that takes traffic; or load balancing with DSR (loadBalancer.mode: dsr).',
    ...(object && { object }),
  };
}

/**
 * The first rewrite of the source address on the way there; undefined where it is kept.
 *
 * @param opening The walk of the connection's first packet, where `walk` is a later one: only the first meets the rules.
 */
export function sourceLost(walk: Walk, opening: Walk | undefined, teller: Teller): SourceLost | undefined {
  const own = firstLoss(walk)?.step;
  const whole = opening && own?.kind === 'nat' && own.binding ? opening : walk;
  const loss = firstLoss(whole);
  if (!loss) return undefined;
  const { step, to, at } = loss;
  if (step.kind === 'balance') return byBalancer(step, to, teller);
  const start = whole.steps.find((one) => one.kind === 'enter');
  const place = teller.places.of(step.netns.name);
  const rules = rulesBefore(whole, at);
  const masquerade = rules.find(({ hook }) => hook === step.hook);
  const common = { place, address: to };
  if (!masquerade || step.binding)
    return {
      ...common,
      code: 'rule',
      text: `conntrack of ${place.name} translates the connection as its first packet`,
    };
  const marking = rules.find(isMarking);
  const code = codeOf(masquerade, marking);
  const decides =
    code === 'leaves-cluster' || code === 'host-port' || code === 'rule' ? masquerade : (marking ?? masquerade);
  const cause = stepCause(decides);
  const object = causeObject(teller.provenance, cause);
  const from = start && teller.places.of(start.netns.name);
  return { ...common, code, ...told(code, { place, from, cause }), rule: textOf(decides), ...(object && { object }) };
}
