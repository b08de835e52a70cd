/** Collects what is wrong with the input and what had to be assumed, each once. */
import type { KubeObject } from '../objects/kube.ts';
import { refOf } from '../objects/refs.ts';
import type { Problem } from '../problem.ts';
import type { Origin, ReadResult } from '../read/source.ts';
import type { Assumption } from './cluster.ts';

/** `spec.ports[0].targetPort`; keys that are no plain word stand in brackets: `metadata.labels["app.kubernetes.io/name"]`. */
export function fieldPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Finding a line reads the source once more: after this many, the line of the object has to do. */
const EXACT_LINES = 300;

export interface At {
  origin?: Origin;
  object?: KubeObject;
  path?: readonly (string | number)[];
}

export class Report {
  readonly problems: Problem[] = [];
  readonly #assumptions = new Map<string, Assumption>();
  readonly #lineOf: ReadResult['lineOf'];
  #exact = 0;

  constructor(lineOf: ReadResult['lineOf']) {
    this.#lineOf = lineOf;
  }

  problem(severity: Problem['severity'], code: string, at: At, message: string, mend?: string): void {
    const { origin, object, path } = at;
    this.problems.push({
      severity,
      code,
      message,
      ...(mend !== undefined && { mend }),
      ...(origin && { file: origin.file, line: this.#line(origin, path) }),
      ...(path && { field: fieldPath(path) }),
      ...(object && { object: refOf(object) }),
    });
  }

  /** Counts one more object under an assumption; its sentence is the first one's. */
  assume(code: string, text: string, settle?: string, count = 1): void {
    if (count === 0) return;
    const known = this.#assumptions.get(code);
    if (known) known.count += count;
    else this.#assumptions.set(code, { code, text, ...(settle !== undefined && { settle }), count });
  }

  assumptions(): Assumption[] {
    return [...this.#assumptions.values()];
  }

  #line(origin: Origin, path: At['path']): number {
    if (!path || this.#exact >= EXACT_LINES) return origin.line;
    this.#exact++;
    return this.#lineOf(origin, path);
  }
}
