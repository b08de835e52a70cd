/**
 * The three requirements of the Kubernetes network model, asked of a cluster with echo requests: every pod reaches every pod, every node
 * every pod, and whoever gets a packet sees the address that the pod has itself. Policies are not part of the model.
 */
import { API_VERSION, type TraceAnswer, type TraceGroup } from '../answer/answer.ts';
import type { Session } from '../answer/session.ts';
import { podAddresses } from '../objects/pod-facts.ts';
import type { Counterexample, NetworkAnswer, Requirement } from './answer.ts';
import { type PodClass, podClasses } from './classes.ts';

/** Packets that are sent for one requirement; each takes about a millisecond. */
const PAIRS_MAX = 4000;
const SHOWN = 5;

interface Pair {
  from: string;
  /** `namespace/name` */
  to: string;
  /** Pairs of pods that this one stands for. */
  weight: number;
}

interface Asked {
  pairs: Pair[];
  notAsked: number;
}

const TEXTS: Readonly<Record<Requirement['code'], string>> = {
  'pods-reach-pods': 'Every pod reaches every other pod, on its own node and on others, without NAT.',
  'nodes-reach-pods': 'Every node reaches every pod.',
  'pods-keep-their-address': 'A pod sees itself by the address that others see it by.',
};

/** Every pair where that is not too much; else each end with as many others as there is room for, spread over all. */
function pairsOf(from: readonly { name: string; weight: number; self?: PodClass }[], to: readonly PodClass[]): Asked {
  const step = Math.max(1, Math.ceil((from.length * to.length) / PAIRS_MAX));
  const found: Asked = { pairs: [], notAsked: 0 };
  from.forEach(({ name, weight, self }, i) => {
    to.forEach((one, j) => {
      const isOwn = self === one;
      const target = isOwn ? one.other : one.pod;
      const pairs = isOwn ? weight * (weight - 1) : weight * one.pods;
      if (target === undefined) return;
      if ((i + j) % step === 0) found.pairs.push({ from: name, to: target, weight: pairs });
      else found.notAsked += pairs;
    });
  });
  return found;
}

function isPolicyOnly({ reason }: TraceGroup): boolean {
  return reason === 'policy-not-judged';
}

type Judged = { is: 'yes' } | { is: 'undecided' } | { is: 'no'; example: Counterexample };

function exampleOf(pair: Pair, group: TraceGroup, more: Partial<Counterexample> = {}): Counterexample {
  const { verdict, reason, summary, decisive } = group;
  return {
    from: pair.from,
    to: `pod/${pair.to}`,
    verdict,
    reason,
    summary,
    ...(decisive && { decisive }),
    ...more,
  };
}

/** `delivered` whatever the policies would say: a verdict that only they leave open counts as arrived. */
function reaches(pair: Pair, { groups }: TraceAnswer): Judged {
  for (const group of groups) {
    if (group.verdict === 'delivered' || isPolicyOnly(group)) continue;
    if (group.verdict === 'unknown' || group.verdict === 'depends') return { is: 'undecided' };
    return { is: 'no', example: exampleOf(pair, group) };
  }
  return { is: 'yes' };
}

function keepsAddress(pair: Pair, { groups }: TraceAnswer): Judged {
  for (const group of groups) {
    for (const { receiver } of group.outcomes) {
      if (!receiver || receiver.sourceKept) continue;
      const summary = `${receiver.place.name} sees ${receiver.sees.address} instead of ${pair.from}.`;
      return { is: 'no', example: exampleOf(pair, group, { sees: receiver.sees.address, summary }) };
    }
  }
  return groups.some(({ outcomes }) => outcomes.some(({ receiver }) => receiver)) ? { is: 'yes' } : { is: 'undecided' };
}

function requirement(code: Requirement['code'], { pairs, notAsked }: Asked, judged: readonly Judged[]): Requirement {
  const examples = judged.flatMap((one) => (one.is === 'no' ? [one.example] : []));
  const undecided = judged.filter(({ is }) => is === 'undecided').length;
  return {
    code,
    text: TEXTS[code],
    holds: examples.length > 0 ? 'no' : undecided + notAsked > 0 ? 'undecided' : 'yes',
    asked: pairs.length,
    pairs: pairs.reduce((sum, { weight }) => sum + weight, 0),
    notAsked,
    undecided,
    broken: examples.length,
    counterexamples: examples.slice(0, SHOWN),
  };
}

function summaryOf(requirements: readonly Requirement[]): string {
  const broken = requirements.filter(({ holds }) => holds === 'no');
  const pairs = requirements[0]?.pairs ?? 0;
  if (broken.length > 0) {
    const first = broken[0]?.counterexamples[0];
    return `The network model does not hold: ${first?.from} to ${first?.to}: ${first?.summary}`;
  }
  const [first] = requirements;
  if (first && first.notAsked > 0 && first.undecided === 0)
    return `The network model holds for the ${first.pairs} pairs of pods that were asked about; ${first.notAsked} more were not.`;
  if (requirements.some(({ holds }) => holds === 'undecided'))
    return 'Whether the network model holds cannot be told of all pairs.';
  return `The network model holds: ${pairs} pairs of pods reach each other without NAT.`;
}

/** Throws `QuestionError` where the cluster's dumps contradict themselves. */
export function networkModel(session: Session): NetworkAnswer {
  const classes = podClasses(session);
  const ask = ({ from, to }: Pair): TraceAnswer => {
    const pod = session.cluster.pods.get(to);
    const address = pod === undefined ? to : (podAddresses(pod.object)[0] ?? to);
    return session.trace({ from, to: address, protocol: 'icmp' });
  };
  const pods = pairsOf(
    classes.map((one) => ({ name: `pod/${one.pod}`, weight: one.pods, self: one })),
    classes,
  );
  const nodes = pairsOf(
    [...session.cluster.nodes.keys()].map((name) => ({ name: `node/${name}`, weight: 1 })),
    classes,
  );
  const ofPods = pods.pairs.map((pair) => ({ pair, answer: ask(pair) }));
  const ofNodes = nodes.pairs.map((pair) => ({ pair, answer: ask(pair) }));
  const requirements = [
    requirement(
      'pods-reach-pods',
      pods,
      ofPods.map(({ pair, answer }) => reaches(pair, answer)),
    ),
    requirement(
      'nodes-reach-pods',
      nodes,
      ofNodes.map(({ pair, answer }) => reaches(pair, answer)),
    ),
    requirement(
      'pods-keep-their-address',
      pods,
      ofPods.map(({ pair, answer }) => keepsAddress(pair, answer)),
    ),
  ];
  const holds = requirements.some((one) => one.holds === 'no')
    ? 'no'
    : requirements.some((one) => one.holds === 'undecided')
      ? 'undecided'
      : 'yes';
  return { apiVersion: API_VERSION, kind: 'NetworkModel', summary: summaryOf(requirements), holds, requirements };
}
