/**
 * A rule taken apart: tests, and places where it branches. Every match and every action of iptables and nftables is one of the two, so
 * that what walks through chains need not know them.
 */
import { type Diagram, TRUE } from './space/diagram.ts';
import { type Effect, NOTHING } from './space/effect.ts';
import type { OutcomeVerdict } from './space/outcome.ts';

export type Piece =
  /** Packets for which it does not hold leave the rule. */
  | { kind: 'test'; holds: Diagram }
  /** The first case that holds; a packet for which none does leaves the rule. `choice`: the cases are tests too (a verdict map). */
  | { kind: 'branch'; cases: readonly Case[]; choice: boolean };

export interface Case {
  when: Diagram;
  effect: Effect;
  next: Next;
}

export type Next =
  | { kind: 'verdict'; verdict: OutcomeVerdict; text: string }
  /** With the rule's next statement. */
  | { kind: 'continue' }
  | { kind: 'return' }
  | { kind: 'jump' | 'goto'; chain: string };

export const CONTINUE: Next = { kind: 'continue' };

export const to = (next: Next, effect: Effect = NOTHING, when: Diagram = TRUE): Case => ({ when, effect, next });

export const branch = (...cases: Case[]): Piece => ({ kind: 'branch', cases, choice: false });
