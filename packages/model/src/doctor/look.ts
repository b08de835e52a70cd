/** What every check looks at. */

import type { ObjectRef } from '../answer/answer.ts';
import { keyOf } from '../answer/directory.ts';
import { objectRef, type Provenance, provenanceOf } from '../answer/provenance.ts';
import type { Session } from '../answer/session.ts';
import { suggest } from '../objects/suggest.ts';
import { distinctObjects } from '../read/duplicates.ts';
import type { SourcedObject } from '../read/source.ts';
import type { Finding } from './answer.ts';

export type FieldPath = readonly (string | number)[];

export class Looking {
  readonly session: Session;
  readonly provenance: Provenance;
  /** References that were followed. */
  references = 0;
  readonly #keys = new Map<string, ReadonlySet<string>>();
  readonly #byKind = new Map<string, SourcedObject[]>();

  constructor(session: Session) {
    this.session = session;
    this.provenance = provenanceOf(session.cluster, session.read);
    for (const sourced of distinctObjects(session.read.objects).distinct) {
      const { kind } = sourced.object;
      const list = this.#byKind.get(kind);
      if (list) list.push(sourced);
      else this.#byKind.set(kind, [sourced]);
    }
  }

  /** Objects of the input of a kind, in any API version. */
  of(kind: string): readonly SourcedObject[] {
    return this.#byKind.get(kind) ?? [];
  }

  names(kind: string): string[] {
    return this.of(kind).map(({ object }) => object.metadata.name);
  }

  /** `namespace/name` of a namespaced object. */
  keys(kind: string): ReadonlySet<string> {
    const known = this.#keys.get(kind) ?? new Set(this.of(kind).map(({ object }) => keyOf(object)));
    this.#keys.set(kind, known);
    return known;
  }

  at({ object, origin }: SourcedObject, path: FieldPath): ObjectRef {
    return objectRef(this.provenance, { object, origin }, path);
  }
}

/** `Did you mean api?`, or nothing. */
export function meant(name: string, known: Iterable<string>): string | undefined {
  const [near] = suggest(name, known, (one) => one, 1);
  return near === undefined ? undefined : `Did you mean ${near}?`;
}

/** A check reads and returns; it changes nothing. */
export type Check = (looking: Looking) => Finding[];

/** A value inside an object whose shape nobody checked. */
export function dig(value: unknown, ...path: FieldPath): unknown {
  return path.reduce<unknown>(
    (found, part) =>
      typeof found === 'object' && found !== null ? (found as Record<string | number, unknown>)[part] : undefined,
    value,
  );
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
