/** The shape of what `network` answers: the three requirements of the Kubernetes network model, and what breaks them. */
import type { API_VERSION, Decisive, VerdictWord } from '../answer/answer.ts';

export interface NetworkAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'NetworkModel';
  /** One sentence. */
  summary: string;
  holds: 'yes' | 'no' | 'undecided';
  requirements: Requirement[];
}

export interface Requirement {
  code: 'pods-reach-pods' | 'nodes-reach-pods' | 'pods-keep-their-address';
  /** The requirement in its own words. */
  text: string;
  holds: 'yes' | 'no' | 'undecided';
  /** Pairs that packets were sent between. */
  asked: number;
  /** Pairs that these stand for: pods of one node that are alike count once. */
  pairs: number;
  /** Pairs that nobody was asked about, because there are too many: without a broken one among the others it stays undecided. */
  notAsked: number;
  /** Pairs that nobody can tell of. */
  undecided: number;
  broken: number;
  /** The first of the broken ones. */
  counterexamples: Counterexample[];
}

export interface Counterexample {
  from: string;
  to: string;
  verdict: VerdictWord;
  reason: string;
  summary: string;
  /** What the receiver took for the sender, where that is another address. */
  sees?: string;
  decisive?: Decisive;
}
