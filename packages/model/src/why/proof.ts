/** Which one thing of the dumps is at fault: with it as a healthy node has it, the packet arrives. */
import type { Outcome } from '../answer/answer.ts';
import type { Question } from '../answer/question.ts';
import type { Dumps, Session } from '../answer/session.ts';
import { addressOwner } from './addresses.ts';
import type { Fault } from './answer.ts';
import { type DumpPart, dumpParts } from './parts.ts';

/** Each costs a compilation of the whole cluster. */
const TRIALS_MAX = 24;

interface Candidate {
  part: DumpPart;
  with(): Dumps;
}

/** Things on the way of the packet first: the others are seldom at fault. */
function candidates(
  { nodes, pods }: Dumps,
  onTheWay: ReadonlySet<string>,
  isKnown: (address: string) => boolean,
): Candidate[] {
  const ofPods = pods.flatMap((one): Candidate[] =>
    dumpParts(`pod ${one.pod}`, one.dump, isKnown).map((part) => ({
      part,
      with: () => ({
        nodes,
        pods: pods.map((other) => (other === one ? { ...other, dump: part.healthy(other.dump) } : other)),
      }),
    })),
  );
  const ofNodes = nodes
    .filter(({ name }) => onTheWay.has(name))
    .flatMap((one): Candidate[] =>
      dumpParts(one.name, one, isKnown).map((part) => ({
        part,
        with: () => ({ pods, nodes: nodes.map((other) => (other === one ? part.healthy(other) : other)) }),
      })),
    );
  return [...ofPods, ...ofNodes];
}

function placesOf(outcomes: readonly Outcome[]): Set<string> {
  const hops = outcomes.flatMap(({ forward, reply }) => [...forward.hops, ...(reply?.hops ?? [])]);
  return new Set(hops.flatMap(({ place }) => [place.name, ...(place.node === undefined ? [] : [place.node])]));
}

export interface Proof {
  faults: Fault[];
  /** Things of the dumps that were not tried, because there are too many. */
  untried: number;
}

export const NO_PROOF: Proof = { faults: [], untried: 0 };

export function provedFaults(session: Session, question: Question, outcomes: readonly Outcome[]): Proof {
  const found: Fault[] = [];
  const way = placesOf(outcomes);
  const all = candidates(session.dumps, way, addressOwner(session.cluster));
  for (const candidate of all.slice(0, TRIALS_MAX)) {
    const { part } = candidate;
    if (session.traceWith(candidate.with(), question).verdict !== 'delivered') continue;
    const { link, code, setting, text, mend } = part;
    found.push({ link, code, setting, text, mend, proved: true });
  }
  return { faults: found, untried: Math.max(0, all.length - TRIALS_MAX) };
}
