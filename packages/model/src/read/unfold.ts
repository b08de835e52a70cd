import { kindCalled, kindOfResource } from '../objects/kinds.ts';
import type { KubeObject } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';
import { LIMITS } from './limits.ts';
import { redact } from './redact.ts';
import type { Ignored, Origin, SourcedObject, SourceList } from './source.ts';

/** Where the pieces of one document go. */
interface Unfolded {
  objects: SourcedObject[];
  lists: SourceList[];
  ignored: Ignored[];
  problems: Problem[];
}

interface Context {
  file: string;
  document: number;
  /** The place of a mapping in this document. */
  originOf(value: unknown, items: readonly number[]): Origin;
  into: Unfolded;
  /** As `ReadOptions.environment`. */
  environment: boolean;
}

/** What a typed list says of its items. */
interface ListType {
  kind: string;
  apiVersion: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `pods.json`, `dump/pods.yaml`: what a list without a kind holds. */
function listTypeOfFile(file: string): ListType | undefined {
  const base = file.slice(file.lastIndexOf('/') + 1);
  return kindOfResource(base.replace(/\..*$/, ''));
}

/**
 * `namespaces/shop/pods/web-0.json`: what an object without a kind is, by the innermost folder that is named after a kind. `namespaces`
 * says so only right above the file: elsewhere it holds what lies in them.
 */
function typeOfFolder(file: string): ListType | undefined {
  const kinds = file.split('/').slice(0, -1).reverse().map(kindOfResource);
  return kinds.find((known, above) => known !== undefined && (above === 0 || known.kind !== 'Namespace'));
}

/** Take Lists, typed lists and arrays apart, also inside each other, down to single objects. */
export function unfold(value: unknown, context: Context): void {
  const { into } = context;
  const ignore = (code: string, why: string, items: readonly number[], object?: string): void => {
    const where = items.length === 0 ? {} : { items: [...items] };
    const what = object === undefined ? {} : { object };
    into.ignored.push({ file: context.file, document: context.document, code, why, ...where, ...what });
  };

  const takeMembers = (members: readonly unknown[], type: ListType | undefined, items: readonly number[]): void => {
    for (const [index, member] of members.entries()) take(member, type, [...items, index]);
  };

  const take = (member: unknown, type: ListType | undefined, items: readonly number[]): void => {
    if (items.length > LIMITS.listDepth) {
      ignore('list-too-deep', `Lists are nested more than ${LIMITS.listDepth} deep`, items);
    } else if (Array.isArray(member)) {
      takeMembers(member, undefined, items);
    } else if (isRecord(member)) {
      takeMapping(member, type, items);
    } else if (items.length > 0) {
      ignore('scalar-or-null-item', `an item is ${member === null ? 'null' : 'no object'}`, items);
    } else {
      ignore('scalar-document', member === null ? 'null' : 'text, not an object', items);
    }
  };

  const takeMapping = (
    mapping: Record<string, unknown>,
    type: ListType | undefined,
    items: readonly number[],
  ): void => {
    const kind = text(mapping.kind);
    if (kind?.endsWith('List') === true && Array.isArray(mapping.items)) {
      const apiVersion = text(mapping.apiVersion) ?? '';
      into.lists.push({ file: context.file, document: context.document, apiVersion, kind, nested: items.length > 0 });
      const itemKind = kind.slice(0, -'List'.length);
      takeMembers(mapping.items, itemKind === '' ? undefined : { kind: itemKind, apiVersion }, items);
    } else if (kind === undefined && type === undefined && Array.isArray(mapping.items)) {
      takeListWithoutKind(mapping.items, items);
    } else {
      takeObject(mapping, type, items);
    }
  };

  const takeListWithoutKind = (members: readonly unknown[], items: readonly number[]): void => {
    into.lists.push({ file: context.file, document: context.document, nested: items.length > 0 });
    const type = listTypeOfFile(context.file);
    if (type !== undefined) {
      const before = into.objects.length;
      takeMembers(members, type, items);
      for (const sourced of into.objects.slice(before)) if (sourced.inferred === 'list') sourced.inferred = 'file';
    } else if (members.some((member) => isRecord(member) && text(member.kind) !== undefined)) {
      takeMembers(members, undefined, items);
    } else {
      ignore('list-of-unknown-kind', 'a list that does not say of what', items);
    }
  };

  const takeObject = (mapping: Record<string, unknown>, type: ListType | undefined, items: readonly number[]): void => {
    let kind = text(mapping.kind);
    let apiVersion = text(mapping.apiVersion);
    let inferred: SourcedObject['inferred'];
    if (kind === undefined && type !== undefined) {
      ({ kind } = type);
      apiVersion ??= type.apiVersion;
      inferred = 'list';
    } else if (kind === undefined && isRecord(mapping.metadata)) {
      const folder = typeOfFolder(context.file);
      if (folder !== undefined) {
        ({ kind } = folder);
        apiVersion ??= folder.apiVersion;
        inferred = 'folder';
      }
    } else if (apiVersion === undefined && kind === type?.kind) {
      apiVersion = type?.apiVersion;
    }
    if (kind === undefined) {
      ignore('mapping-without-kind', 'a mapping without a kind', items);
      reportMissing(mapping, items);
    } else if (apiVersion === undefined) {
      const name = isRecord(mapping.metadata) ? (text(mapping.metadata.name) ?? '') : '';
      ignore('kind-without-api-version', `${kind} without an apiVersion`, items, `${kind} ${name}`.trim());
      reportMissing(mapping, items);
    } else {
      const origin = context.originOf(mapping, items);
      const object = asObject(mapping, apiVersion, kind, origin, into.problems);
      redact(object, context.environment);
      const sourced: SourcedObject = { object, origin };
      if (inferred !== undefined) sourced.inferred = inferred;
      into.objects.push(sourced);
    }
  };

  /** What was surely meant as an object is a problem, not only passed over. */
  const reportMissing = (mapping: Record<string, unknown>, items: readonly number[]): void => {
    const kind = text(mapping.kind);
    const known = kind === undefined ? undefined : kindCalled(kind);
    if (known === undefined && !(isRecord(mapping.metadata) && isRecord(mapping.spec))) return;
    const name = isRecord(mapping.metadata) ? text(mapping.metadata.name) : undefined;
    const what = kind === undefined ? 'an object without a kind' : `${kind} ${name ?? ''}`.trim();
    into.problems.push({
      severity: 'error',
      code: kind === undefined ? 'missing-kind' : 'missing-api-version',
      message:
        kind === undefined
          ? `${what}${name === undefined ? '' : ` (${name})`} is not read`
          : `${what} has no apiVersion and is not read`,
      mend: known === undefined ? 'Add apiVersion and kind.' : `Add apiVersion: ${known.apiVersion}`,
      file: context.file,
      line: context.originOf(mapping, items).line,
    });
  };

  take(value, undefined, []);
}

/** The mapping itself, with a kind, and with a name even where it has none. */
function asObject(
  mapping: Record<string, unknown>,
  apiVersion: string,
  kind: string,
  origin: Origin,
  problems: Problem[],
): KubeObject {
  const metadata = isRecord(mapping.metadata) ? mapping.metadata : {};
  const { name } = metadata;
  if (typeof name !== 'string') {
    metadata.name = name === undefined || name === null ? '' : String(name);
    if (metadata.name !== '') {
      problems.push({
        severity: 'error',
        code: 'wrong-type',
        message: `the name of ${kind} ${metadata.name} is not text`,
        mend: `Put it in quotes: name: "${metadata.name}"`,
        file: origin.file,
        line: origin.line,
        field: 'metadata.name',
        object: `${kind} ${metadata.name}`,
      });
    }
  }
  return Object.assign(mapping, { apiVersion, kind, metadata: metadata as { name: string } });
}
