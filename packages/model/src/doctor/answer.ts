/** The shape of what `doctor` answers: everything that cannot work, found without any question. */
import type { API_VERSION, ObjectRef } from '../answer/answer.ts';

export interface DoctorAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Doctor';
  /** One sentence. */
  summary: string;
  /** How much was looked at. */
  looked: { services: number; references: number; nodeDumps: number };
  /** What is broken first; of one rank in the order of the input. */
  findings: Finding[];
}

/**
 * `broken`: it cannot work. `suspect`: it is allowed, and hardly meant. `note`: it works, and somebody may wonder.
 */
export type Rank = 'broken' | 'suspect' | 'note';

export interface Finding {
  rank: Rank;
  /** Stable kebab-case code. */
  code: string;
  /** One sentence: what is wrong. */
  text: string;
  /** One sentence: what to change. */
  mend?: string;
  object?: ObjectRef;
  /** Where no object is to blame: the sysctl, flag, file or entry. */
  setting?: string;
}
