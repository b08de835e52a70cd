/** Statements of a rule while it is evaluated and listed. */
import type { NftExpression, NftOperator, NftStatement } from '../syntax.ts';
import type { MapTerm, Payload, Term } from './term.ts';

export interface Match {
  is: 'match';
  op: NftOperator;
  left: Term;
  right: Term;
}

export interface VerdictMap {
  is: 'vmap';
  map: MapTerm;
}

/** A packet field is written. */
export interface Mangle {
  is: 'mangle';
  key: Payload;
  value: Term;
}

export interface Reject {
  is: 'reject';
  type: 'tcp reset' | 'icmp' | 'icmpv6' | 'icmpx';
  code?: number;
}

/** Any other statement: what it is made of, and how the tree is built from that. */
export interface Action {
  is: 'action';
  terms: Term[];
  /** Terms from this one on stand behind a new start of known headers (ports of translations). */
  resetAt?: number;
  build(terms: NftExpression[]): NftStatement;
}

export type Step = Match | VerdictMap | Mangle | Reject | Action;
