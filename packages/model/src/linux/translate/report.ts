/** What a translation tells beside the rules that it made. */

/** A rule, or a chain or table, that the other tool has no words for: it stands not in the translation. */
export interface Untranslated {
  /** `ip filter INPUT`: family, table, chain. */
  place: string;
  /** The rule as its tool prints it; absent for a chain or table as a whole. */
  rule?: string;
  /** How many rules stand in a chain or table that is left out as a whole. */
  rules?: number;
  /** The part that there are no words for. */
  part: string;
  why: string;
  file?: string;
  /** 1-based. */
  line?: number;
}

export interface Renamed {
  place: string;
  to: string;
}

/** Where a rule or chain was read. */
export interface ReadPlace {
  file?: string;
  line?: number;
}
