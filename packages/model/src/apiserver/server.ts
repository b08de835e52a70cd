/**
 * An API server of Kubernetes v1.36 in memory: what it makes of an object that it is sent, and what it says of one that it refuses. No clock
 * and no chance: what the real one draws follows from names here, and uid, resourceVersion and times are left out.
 */
import { formatAddress } from '@podwire/engine';
import { nth } from '../net/cidr.ts';
import { suffix } from '../objects/drawn-names.ts';
import { groupOf, kindCalled } from '../objects/kinds.ts';
import { Allocation, Holdings, type Ranges } from './allocate/allocation.ts';
import type { Request } from './allocate/request.ts';
import { rulesOf } from './kinds/index.ts';
import type { KindRules } from './kinds/kind-rules.ts';
import { nameIsPathSegment } from './meta/names.ts';
import { validateAnyObjectMeta, validateObjectMetaUpdate } from './meta/object-meta.ts';
import type { Draft } from './schema/meta.ts';
import { Reading, Unreadable } from './schema/reading.ts';
import { type Answer, alreadyExists, badRequest, notFound, Refusal, refuseIfAny } from './status/answer.ts';
import { FieldErrors } from './status/field-errors.ts';
import { goQuote } from './status/go-text.ts';

export type Json = Record<string, unknown>;

export interface Options {
  /** As `kubectl create --dry-run=server`: nothing is kept, and allocators are not asked. */
  dryRun?: boolean;
  /** `Ignore`: fields that nobody knows are left out instead of refused. */
  fieldValidation?: 'Strict' | 'Ignore';
}

/** True where the server's answer to objects of this kind is known. */
export function isJudged(apiVersion: string, kind: string): boolean {
  return rulesOf(apiVersion, kind) !== undefined;
}

function isNamespaced({ kind }: KindRules): boolean {
  return kindCalled(kind)?.namespaced ?? true;
}

/** `services`, `ingresses.networking.k8s.io`. */
function resourceOf({ apiVersion, kind }: KindRules): string {
  const group = groupOf(apiVersion);
  const plural = kindCalled(kind)?.plural ?? kind.toLowerCase();
  return group === '' ? plural : `${plural}.${group}`;
}

/** `Service`, `Ingress.networking.k8s.io`. */
function groupKindOf({ apiVersion, kind }: KindRules): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind : `${kind}.${group}`;
}

function read(rules: KindRules, object: Json, options: Options): Draft {
  const reading = new Reading();
  const version = rules.apiVersion.slice(rules.apiVersion.indexOf('/') + 1);
  const refuse = (why: string) =>
    badRequest(`${rules.kind} in version "${version}" cannot be handled as a ${rules.kind}: ${why}`);
  let draft: Draft;
  try {
    draft = rules.type.decode(object, reading);
  } catch (error) {
    if (error instanceof Unreadable) throw refuse(error.message);
    throw error;
  }
  if (reading.wrongType !== undefined) throw refuse(reading.wrongType);
  if (reading.unknown.length > 0 && options.fieldValidation !== 'Ignore') {
    const unknown = reading.unknown.map(({ path }) => `unknown field ${goQuote(path)}`);
    throw refuse(`strict decoding error: ${unknown.join(', ')}`);
  }
  draft.apiVersion = rules.apiVersion;
  draft.kind = rules.kind;
  return draft;
}

/** Lists and maps without members do not come back from the store. */
function isNothing(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

export class ApiServer {
  readonly #ranges: Ranges;
  readonly #holdings = new Holdings();
  readonly #stored = new Map<string, Draft>();
  /** Kinds whose objects are all here, so that what is not here is nowhere. */
  readonly #complete: ReadonlySet<string>;

  constructor(ranges: Ranges, complete: readonly string[] = ['Namespace']) {
    this.#ranges = ranges;
    this.#complete = new Set(complete);
  }

  #key(kind: string, namespace: string, name: string): string {
    return `${kind}/${namespace}/${name}`;
  }

  #keyOf(rules: KindRules, { metadata }: Draft): string {
    return this.#key(rules.kind, metadata.namespace, metadata.name);
  }

  /** Says that an object is there without asking what it is. */
  declare(kind: string, namespace: string, name: string): void {
    this.#others.add(this.#key(kind, namespace, name));
  }

  readonly #others = new Set<string>();

  #exists(kind: string, namespace: string, name: string): boolean {
    const key = this.#key(kind, namespace, name);
    return !this.#complete.has(kind) || this.#stored.has(key) || this.#others.has(key);
  }

  #request(dryRun: boolean): Request {
    return {
      dryRun,
      allocation: new Allocation(this.#ranges, this.#holdings, dryRun),
      exists: (kind, namespace, name) => this.#exists(kind, namespace, name),
      all: (kind) => [...this.#stored.values()].filter((draft) => draft.kind === kind),
      assigned: [],
    };
  }

  #rules(object: Json): KindRules {
    const { apiVersion, kind } = object as { apiVersion: string; kind: string };
    const rules = rulesOf(apiVersion, kind);
    if (rules === undefined)
      throw new Refusal(404, 'NoKindMatch', `no matches for kind "${kind}" in version "${apiVersion}"`);
    return rules;
  }

  #answer(work: () => Answer): Answer {
    try {
      return work();
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  /** POST. The object must be of a kind for which `isJudged` holds, or of one that the server does not serve. */
  create(object: Json, options: Options = {}): Answer {
    return this.#answer(() => {
      const rules = this.#rules(object);
      const request = this.#request(options.dryRun ?? false);
      const draft = read(rules, object, options);
      const { resourceVersion } = draft.metadata;
      wipe(draft);
      if (!isNamespaced(rules)) draft.metadata.namespace = '';
      rules.setDefaults?.(draft);
      this.#checkNamespace(rules, draft);
      rules.admit?.(draft, undefined, request);
      const { metadata } = draft;
      if (metadata.generateName !== '' && metadata.name === '') {
        const seed = `${rules.kind}/${metadata.namespace}/${metadata.generateName}`;
        metadata.name = metadata.generateName + suffix(seed, 5);
        request.assigned.push('metadata.name');
      }
      rules.beginCreate?.(draft, request);
      rules.prepareForCreate?.(draft);
      const kind = groupKindOf(rules);
      const errors = new FieldErrors();
      rules.validate(draft, errors);
      refuseIfAny(kind, metadata.name, errors);
      validateAnyObjectMeta(metadata, isNamespaced(rules), nameIsPathSegment, errors);
      refuseIfAny(kind, metadata.name, errors);
      rules.canonicalise?.(draft);
      const key = this.#keyOf(rules, draft);
      if (this.#stored.has(key) || this.#others.has(key)) throw alreadyExists(resourceOf(rules), metadata.name);
      // An error of the store, which has no status.
      if (resourceVersion !== '' && !request.dryRun)
        throw new Refusal(500, '', 'resourceVersion should not be set on objects to be created');
      return this.#finish(rules, draft, request, 201);
    });
  }

  /** PUT of an object that is there. */
  update(object: Json, options: Options = {}): Answer {
    return this.#answer(() => {
      const rules = this.#rules(object);
      const request = this.#request(options.dryRun ?? false);
      const draft = read(rules, object, options);
      if (!isNamespaced(rules)) draft.metadata.namespace = '';
      rules.setDefaults?.(draft);
      const stored = this.#stored.get(this.#keyOf(rules, draft));
      if (stored === undefined) throw notFound(resourceOf(rules), draft.metadata.name);
      const before = structuredClone(stored);
      rules.admit?.(draft, before, request);
      rules.beginUpdate?.(draft, before, request);
      const { metadata } = draft;
      metadata.generation = before.metadata.generation;
      rules.prepareForUpdate?.(draft, before);
      metadata.uid ||= before.metadata.uid;
      metadata.creationTimestamp = before.metadata.creationTimestamp;
      if (before.metadata.deletionTimestamp !== undefined)
        metadata.deletionTimestamp = before.metadata.deletionTimestamp;
      metadata.deletionGracePeriodSeconds ??= before.metadata.deletionGracePeriodSeconds;
      const errors = new FieldErrors();
      validateAnyObjectMeta(metadata, isNamespaced(rules), nameIsPathSegment, errors);
      validateObjectMetaUpdate(metadata, before.metadata, errors);
      rules.validateUpdate(draft, before, errors);
      refuseIfAny(groupKindOf(rules), metadata.name, errors);
      rules.canonicalise?.(draft);
      return this.#finish(rules, draft, request, 200);
    });
  }

  /** Puts an object in the store that a server has accepted already, as it stands there. */
  hold(object: Json): void {
    const rules = this.#rules(object);
    const draft = read(rules, object, { fieldValidation: 'Ignore' });
    const { allocation } = this.#request(true);
    rules.hold?.(draft, allocation);
    allocation.commit();
    this.#stored.set(this.#keyOf(rules, draft), draft);
  }

  /** DELETE: what the object held is free again. */
  delete(object: Json): void {
    const rules = this.#rules(object);
    const key = this.#keyOf(rules, read(rules, object, { fieldValidation: 'Ignore' }));
    const stored = this.#stored.get(key);
    if (stored === undefined) return;
    const { allocation } = this.#request(true);
    rules.hold?.(stored, allocation);
    allocation.release();
    this.#stored.delete(key);
  }

  /** The Service that the server makes for itself has the first address of each range. */
  holdApiService(): void {
    const { allocation } = this.#request(true);
    const first = this.#ranges.clusterIPs.flatMap((range) => nth(range, 1) ?? []);
    allocation.hold(first.map(formatAddress), []);
    allocation.commit();
  }

  #checkNamespace(rules: KindRules, { metadata }: Draft): void {
    if (isNamespaced(rules) && !this.#exists('Namespace', '', metadata.namespace))
      throw notFound('namespaces', metadata.namespace);
  }

  #finish(rules: KindRules, draft: Draft, request: Request, code: 200 | 201): Answer {
    if (!request.dryRun) {
      prune(draft as unknown as Json);
      request.allocation.commit();
      this.#stored.set(this.#keyOf(rules, draft), draft);
    }
    rules.decorate?.(draft);
    const object = rules.type.encode(draft) as Json;
    return { accepted: true, code, object, assigned: request.assigned };
  }
}

/** rest.WipeObjectMetaSystemFields(), and what goes into the store apart from the object. */
function wipe({ metadata }: Draft): void {
  metadata.uid = '';
  metadata.resourceVersion = '';
  metadata.selfLink = '';
  metadata.creationTimestamp = '';
  metadata.deletionTimestamp = undefined;
  metadata.deletionGracePeriodSeconds = undefined;
  metadata.managedFields = undefined;
}

/** The store's encoding has no empty lists and maps. Structs have members always. */
function prune(object: Json): void {
  for (const [key, value] of Object.entries(object)) {
    if (Array.isArray(value) && value.length === 0) object[key] = undefined;
    else if (isNothing(value)) object[key] = undefined;
    else if (typeof value === 'object' && value !== null) prune(value as Json);
  }
}
