/** `ip nexthop show`: records as `ip -j` prints them, and lines (iproute2's ip/ipnexthop.c). */
import type { NexthopObject } from '@podwire/engine';

/** One element of `ip -j nexthop show`. */
export interface NexthopObjectRecord {
  id: number;
  group?: { id: number; weight?: number }[];
  /** Of a group: `mpath` where absent. */
  type?: string;
  resilient_args?: Record<string, unknown>;
  /** Whole, as the text has it. */
  encap?: string;
  gateway?: string;
  dev?: string;
  scope?: string;
  blackhole?: null;
  protocol?: string;
  flags: string[];
}

/** `type resilient buckets 32 idle_timer 60` as fields. */
function groupFields(extra: string | undefined): Pick<NexthopObjectRecord, 'type' | 'resilient_args'> {
  const [word, type, ...words] = extra?.split(' ') ?? [];
  if (word !== 'type' || type === undefined) return {};
  const args: Record<string, unknown> = {};
  for (let i = 0; i + 1 < words.length; i += 2) args[words[i] as string] = Number(words[i + 1]);
  return { type, ...(Object.keys(args).length > 0 && { resilient_args: args }) };
}

export function nexthopRecords(objects: readonly NexthopObject[]): NexthopObjectRecord[] {
  return objects.map(({ id, nexthop, blackhole, group, scope, protocol, extra }) => ({
    id,
    ...(group && { group: group.map((m) => (m.weight === 1 ? { id: m.id } : m)), ...groupFields(extra) }),
    ...(nexthop?.encap !== undefined && { encap: nexthop.encap }),
    ...(nexthop?.via !== undefined && { gateway: nexthop.via }),
    ...(nexthop && { dev: nexthop.dev, scope: scope ?? 'link' }),
    ...(blackhole && { blackhole: null }),
    ...(protocol !== undefined && { protocol }),
    flags: nexthop?.onlink ? ['onlink'] : [],
  }));
}

function recordText(r: NexthopObjectRecord): string {
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} ${value} `);
  const members = r.group?.map(({ id, weight }) => (weight === undefined ? id : `${id},${weight}`)).join('/');
  const args = Object.entries(r.resilient_args ?? {}).map(([name, value]) => `${name} ${String(value)} `);
  return (
    `id ${r.id} ${word('group', members)}${word('type', r.type)}${args.join('')}` +
    `${word('encap', r.encap)}${word('via', r.gateway)}${word('dev', r.dev)}${word('scope', r.scope)}` +
    `${r.blackhole === null ? 'blackhole ' : ''}${word('proto', r.protocol)}${r.flags.map((flag) => `${flag} `).join('')}`
  );
}

/** `ip nexthop show`, each line as the tool ends it. */
export function printNexthops(objects: readonly NexthopObject[]): string {
  return nexthopRecords(objects)
    .map((record) => `${recordText(record)}\n`)
    .join('');
}
