/** What the server answers: the object as it stands there afterwards, or a status that says why not (apimachinery/pkg/api/errors). */
import { type Cause, type FieldErrors, sentenceOf } from './field-errors.ts';

export interface Accepted {
  accepted: true;
  code: 200 | 201;
  /** As JSON, with defaults, without what the server draws for every object: uid, resourceVersion, times. */
  object: Record<string, unknown>;
  /** Paths whose values the server chose among many, and we by the object's name. */
  assigned: string[];
}

export interface Refused {
  accepted: false;
  code: number;
  /** Absent where an error had no status. */
  reason?: string;
  message: string;
  causes?: Cause[];
}

export type Answer = Accepted | Refused;

/** Ends a request. */
export class Refusal extends Error {
  readonly answer: Refused;

  constructor(code: number, reason: string, message: string, causes?: Cause[]) {
    super(message);
    this.answer = { accepted: false, code, ...(reason !== '' && { reason }), message, ...(causes && { causes }) };
  }
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

/** `resource` as in URLs, with its group: `namespaces`, `ingresses.networking.k8s.io`. */
export function notFound(resource: string, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${resource} "${name}" not found`);
}

export function alreadyExists(resource: string, name: string): Refusal {
  return new Refusal(409, 'AlreadyExists', `${resource} "${name}" already exists`);
}

export function internalError(why: string): Refusal {
  return new Refusal(500, 'InternalError', `Internal error occurred: ${why}`, [{ message: why }]);
}

/** `kind` with its group: `Service`, `Deployment.apps`. */
export function invalid(kind: string, name: string, errors: FieldErrors): Refusal {
  return new Refusal(422, 'Invalid', `${kind} "${name}" is invalid: ${sentenceOf(errors.list)}`, errors.list);
}

/** Ends the request if anything was found. */
export function refuseIfAny(kind: string, name: string, errors: FieldErrors): void {
  if (errors.list.length > 0) throw invalid(kind, name, errors);
}
