/** One line of the table. */
export interface Row {
  /** Subject, case and variant, joined by spaces: `lpm k8s4 tab`. */
  name: string;
  unit: 'ns' | 'ms' | 'MB' | 'B';
  min: number;
  median: number;
  /** How many times it was measured. */
  runs: number;
  /** The figure to stand beside it. Machine figures are compared by their minima, whole processes by their medians. */
  against?: { figure: number; by: 'target' | 'limit' };
  /** What else one must know to read the figures. */
  note?: string;
}

/** The measured figure that is compared. */
function compared(row: Row): number {
  return row.against?.by === 'limit' ? row.median : row.min;
}

export function ratioOf(row: Row): number | undefined {
  return row.against && compared(row) / row.against.figure;
}

export interface Settings {
  seed: number;
  /** Fewer and smaller: to see that everything runs. */
  quick: boolean;
}

/** Something to measure. */
export interface Subject {
  /** First word of the names of its rows. */
  name: string;
  what: string;
  run(settings: Settings, wants: (name: string) => boolean): AsyncIterable<Row>;
}
