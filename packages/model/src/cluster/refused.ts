/** Objects that an API server would not take, told with its own words. */
import { isJudged, type Review, review } from '../apiserver/index.ts';
import type { KubeObject } from '../objects/kube.ts';
import { suggest } from '../objects/suggest.ts';
import type { At, Report } from './report.ts';

/** The server whose rules are asked. */
const VERSION = 'Kubernetes v1.36';

type Path = (string | number)[];

/** `spec.ports[0].name`, `metadata.annotations[a.example/b]` as the way through the object. */
function pathOf(field: string): Path {
  return [...field.matchAll(/\[(\d+)\]|\[([^\]]*)\]|[^.[\]]+/g)].map(([part, index, key]) =>
    index === undefined ? (key ?? part) : Number(index),
  );
}

/** The server names some fields as its own types do, or by the newer of two: the path as far as the object has it, and one step more. */
function pathIn(object: unknown, path: Path): Path {
  const found: Path = [];
  let value = object;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return found;
    const holder = value as Record<string | number, unknown>;
    const lower = `${String(key)[0]?.toLowerCase()}${String(key).slice(1)}`;
    const names = typeof key === 'number' ? [key] : [key, lower, key.replace(/s$/, '')];
    const name = names.find((one) => holder[one] !== undefined);
    found.push(name ?? key);
    if (name === undefined) return found;
    value = holder[name];
  }
  return found;
}

/** A value that somebody has blacked out of what a server holds: `10.x.x.x`, `<redacted>`, `***`. */
function isBlackedOut(message: string): boolean {
  const [, value = ''] = /^Invalid value: "(.*?)": must be a valid (?:IP|CIDR)/.exec(message) ?? [];
  return /redacted|hidden|masked|removed|[*<>]|(?:^|[.:])x+(?:[.:/]|$)/i.test(value);
}

function mendOf(message: string, path: Path): string | undefined {
  const field = String(path.at(-1));
  const [, value = '', list] = /^Unsupported value: "(.*)": supported values: (.*)$/.exec(message) ?? [];
  if (list !== undefined) {
    const words = [...list.matchAll(/"([^"]*)"/g)].map(([, word]) => word as string);
    const [near] = suggest(value, words, (word) => word, 1);
    return near === undefined ? `Write ${words.join(', ')}.` : `Did you mean ${near}?`;
  }
  if (message.startsWith('Required value')) return `Add ${field}.`;
  if (message.startsWith('Forbidden')) return `Remove ${field}.`;
  if (/^Invalid value: "\d+": must contain at least one letter/.test(message)) return 'Take the quotes off.';
  const [, address = ''] = /^Invalid value: "([^"/]*)": must be a valid CIDR value/.exec(message) ?? [];
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) return `Did you mean ${address}/32?`;
  return address.includes(':') ? `Did you mean ${address}/128?` : undefined;
}

const QUOTE = 'Put the value in quotes.';

function mendOfType(message: string): string | undefined {
  if (/cannot unmarshal (?:number|bool).* of type (?:string|v1\.\w+)$/.test(message)) return QUOTE;
  return /cannot unmarshal string .* of type int\d+$/.test(message) ? 'Take the quotes off.' : undefined;
}

function reportUnknown({ unknownFields }: Review, kind: string, at: At, report: Report): void {
  for (const { path, name, known } of unknownFields) {
    const [near] = suggest(name, known(), (one) => one, 1);
    const mend = near === undefined ? 'Remove it, or put it where it belongs.' : `Did you mean ${near}?`;
    const message = `${VERSION} knows no field ${path} of a ${kind}: it does nothing, and kubectl has the object refused`;
    report.problem('warning', 'unknown-field', { ...at, path: pathOf(path) }, message, mend);
  }
}

/** Whether a server has stored the object: then it has accepted it, whatever its version. */
function isStored({ metadata }: KubeObject): boolean {
  const { uid, resourceVersion, creationTimestamp, managedFields } = metadata as unknown as Record<string, unknown>;
  return [uid, resourceVersion, creationTimestamp, managedFields].some(
    (value) => value !== undefined && value !== null,
  );
}

/** True where the object is refused: it is reported, and there will be no such object. */
export function isRefused(object: KubeObject, at: At, report: Report): boolean {
  const { apiVersion, kind } = object;
  // What Secrets hold is not kept: nothing can be said of it.
  if (!isJudged(apiVersion, kind) || kind === 'Secret' || isStored(object)) return false;
  const found = review(object);
  reportUnknown(found, kind, at, report);
  const { refused, wrongAt } = found;
  const causes = refused?.causes?.filter(({ message }) => !isBlackedOut(message));
  if (refused === undefined || causes?.length === 0) return false;
  const opening = `${VERSION} refuses this ${kind}, and it is left out`;
  for (const { field = '', message } of causes ?? []) {
    const path = pathIn(object, pathOf(field));
    report.problem('error', 'refused', { ...at, path }, `${opening}: ${field}: ${message}`, mendOf(message, path));
  }
  if (causes === undefined) {
    const path = wrongAt === undefined ? undefined : pathOf(wrongAt);
    const mend = mendOfType(refused.message);
    report.problem('error', 'refused', { ...at, ...(path && { path }) }, `${opening}: ${refused.message}`, mend);
  }
  return true;
}
