/** What a server says of an object by itself, whatever else its cluster holds. */
import { parsePrefix } from '@podwire/engine';
import { rulesOf } from './kinds/index.ts';
import { Reading, type UnknownField, Unreadable } from './schema/reading.ts';
import { ApiServer, type Json } from './server.ts';
import type { Refused } from './status/answer.ts';

export interface Review {
  /** Absent where the server accepts the object. */
  refused?: Refused;
  /** Where a value of a wrong type stands, which the answer does not tell exactly: `spec.ports[0].port`. */
  wrongAt?: string;
  /** kubectl has the server refuse these, other clients do not: there they do nothing. */
  unknownFields: readonly UnknownField[];
}

const EVERYTHING = ['0.0.0.0/0', '::/0'].flatMap((text) => parsePrefix(text) ?? []);

/**
 * Only for kinds for which `isJudged` holds, and for objects that are sent: one that a server has stored it has accepted. Both families are
 * there, every address and port is free and allowed, and what the object refers to exists.
 */
export function review(object: Json): Review {
  const rules = rulesOf(String(object.apiVersion), String(object.kind));
  const reading = new Reading();
  try {
    rules?.type.decode(object, reading);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    reading.wrongAt = reading.place;
  }
  const server = new ApiServer({ clusterIPs: EVERYTHING, nodePorts: { from: 1, to: 65535 } }, []);
  const answer = server.create(object, { fieldValidation: 'Ignore' });
  return {
    ...(!answer.accepted && { refused: answer }),
    ...(reading.wrongAt !== undefined && { wrongAt: reading.wrongAt }),
    unknownFields: reading.unknown,
  };
}
