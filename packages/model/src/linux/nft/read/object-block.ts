/** Bodies of stateful objects: counters, quotas, limits, conntrack helpers, time-outs and expectations, secmarks, synproxies. */
import type { NftFamily, NftObject } from '../syntax.ts';
import { readSynproxyValues } from './action.ts';
import { type ReadContext, readItems } from './context.ts';
import type { Cursor } from './cursor.ts';
import type { Place } from './set-block.ts';
import { readCounterValues, readLimitValues, readQuotaValues } from './state.ts';
import { readMilliseconds } from './time.ts';

export type ObjectKind =
  | 'counter'
  | 'quota'
  | 'limit'
  | 'secmark'
  | 'synproxy'
  | 'ct helper'
  | 'ct timeout'
  | 'ct expectation';

const UNIT: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1024 * 1024 };
const inBytes = (value: number, unit: string | undefined): number => value * (UNIT[unit ?? 'bytes'] ?? 1);
const FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'] as const;

type Body = Record<string, unknown>;

function counter(at: Cursor, body: Body): void {
  const values = readCounterValues(at);
  if (Object.keys(values).length === 0) at.unexpected();
  Object.assign(body, values);
}

function quota(at: Cursor, body: Body): void {
  const values = readQuotaValues(at);
  body.bytes = inBytes(values.val, values.val_unit);
  if (values.used !== undefined) body.used = inBytes(values.used, values.used_unit);
  body.inv = values.inv === true;
}

function limit(at: Cursor, body: Body): void {
  at.expect('rate');
  Object.assign(body, readLimitValues(at));
}

function l3proto(at: Cursor, body: Body): boolean {
  if (!at.accept('l3proto')) return false;
  const family = at.acceptOne(FAMILIES);
  if (family === undefined) at.unexpected('expecting a family');
  body.l3proto = family;
  return true;
}

function protocol(at: Cursor): string {
  const word = at.acceptOne(['tcp', 'udp'] as const);
  return word ?? at.unexpected('expecting tcp or udp');
}

function helper(at: Cursor, body: Body): void {
  if (l3proto(at, body)) return;
  at.expect('type');
  body.type = at.string();
  at.expect('protocol');
  body.protocol = protocol(at);
}

function timeout(at: Cursor, body: Body): void {
  if (l3proto(at, body)) return;
  if (at.accept('protocol')) {
    body.protocol = protocol(at);
    return;
  }
  at.expect('policy');
  at.expect('=');
  at.expect('{');
  const policy: Record<string, number> = {};
  at.skipNewlines();
  while (!at.is('}')) {
    const state = at.string();
    at.expect(':');
    policy[state] = at.isKind('number') ? at.number() : readMilliseconds(at) / 1000;
    at.skipNewlines();
    if (!at.accept(',')) break;
    at.skipNewlines();
  }
  at.expect('}');
  body.policy = policy;
}

function expectation(at: Cursor, body: Body): void {
  if (l3proto(at, body)) return;
  if (at.accept('protocol')) body.protocol = protocol(at);
  else if (at.accept('dport')) body.dport = at.number();
  else if (at.accept('timeout')) body.timeout = readMilliseconds(at);
  else if (at.accept('size')) body.size = at.number();
  else at.unexpected();
}

function synproxy(at: Cursor, body: Body): void {
  const { flags, ...values } = readSynproxyValues(at);
  if (flags === undefined && Object.keys(values).length === 0) at.unexpected();
  Object.assign(body, values);
  if (flags) body.flags = [...((body.flags as string[] | undefined) ?? []), ...flags];
}

const ITEMS: Readonly<Record<ObjectKind, (at: Cursor, body: Body) => void>> = {
  counter,
  quota,
  limit,
  secmark: (at, body) => {
    body.context = at.string();
  },
  synproxy,
  'ct helper': helper,
  'ct timeout': timeout,
  'ct expectation': expectation,
};

/** Fields without which an object cannot be. */
const NEEDED: Readonly<Partial<Record<ObjectKind, readonly string[]>>> = {
  quota: ['bytes'],
  limit: ['rate'],
  secmark: ['context'],
  'ct helper': ['type', 'protocol'],
  'ct timeout': ['protocol'],
  'ct expectation': ['protocol', 'dport', 'timeout', 'size'],
};

function finish(at: Cursor, kind: ObjectKind, place: Place, body: Body, family: NftFamily): NftObject {
  const missing = NEEDED[kind]?.find((key) => body[key] === undefined);
  if (missing !== undefined) return at.fail(`${kind} ${place.name}: ${missing} not specified`);
  const l3 = kind.startsWith('ct ') && body.l3proto === undefined ? { l3proto: family } : {};
  const zero = kind === 'counter' ? { packets: 0, bytes: 0 } : kind === 'quota' ? { used: 0 } : {};
  return { [kind]: { ...place, ...zero, ...body, ...l3 } } as unknown as NftObject;
}

/** The object's body in braces, on the same line, or nothing (a counter at zero). */
export function readObject(context: ReadContext, kind: ObjectKind, place: Place): NftObject {
  const { at } = context;
  const body: Body = {};
  const item = (): void => {
    if (at.is('comment') && (at.isKind('quoted', 1) || at.isKind('word', 1))) {
      at.next();
      body.comment = at.string();
    } else ITEMS[kind](at, body);
  };
  if (at.accept('{')) {
    const found = /\bhandle (\d+)/.exec(at.peek().comment ?? '');
    if (found) body.handle = Number(found[1]);
    readItems(context, item);
  } else while (!at.atSeparator() && !at.is('}')) item();
  return finish(at, kind, place, body, place.family);
}

/** The kind of object whose word starts here; passes over it. */
export function acceptObjectKind(at: Cursor): ObjectKind | undefined {
  if (at.is('ct')) {
    const word = (['helper', 'timeout', 'expectation'] as const).find((name) => at.is(name, 1));
    if (word === undefined) return undefined;
    at.next();
    at.next();
    return `ct ${word}`;
  }
  return at.acceptOne(['counter', 'quota', 'limit', 'secmark', 'synproxy'] as const);
}
