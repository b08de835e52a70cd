/** recent_mt (net/netfilter/xt_recent.c). Lists belong to the namespace and hold both families. */
import { formatAddress, type Match, type Words } from '../src/index.ts';
import { addressOf } from './addresses.ts';
import type { Place } from './chain.ts';
import { chainsOf } from './hook-entries.ts';
import type { Host, RecentTable, Run, Skb } from './state.ts';

/** Addresses that a list keeps (module parameter ip_list_tot). */
const LIST_SIZE = 100;
/** Time stamps an address keeps, where no rule asks for more. */
const DEFAULT_STAMPS = 32;

type Recent = Match & { kind: 'recent' };

const powerOfTwo = (n: number) => 2 ** Math.ceil(Math.log2(n));

/** How many stamps the rules that share a list make it keep (recent_mt_check). */
function stampsOf(host: Host, name: string): number {
  let most = 0;
  for (const table of host.netns.netfilter)
    for (const chain of chainsOf(table).values())
      for (const rule of chain.rules)
        for (const statement of rule.body)
          if (statement.kind === 'recent' && statement.name === name)
            most = Math.max(most, statement.hitcount ? powerOfTwo(statement.hitcount) : DEFAULT_STAMPS);
  return most;
}

function listOf(host: Host, match: Recent): RecentTable {
  let list = host.recents.get(match.name);
  if (!list) {
    list = { mask: match.mask, entries: new Map(), stamps: stampsOf(host, match.name) };
    host.recents.set(match.name, list);
  }
  return list;
}

function masked(address: string, mask: string): string {
  const { family, words } = addressOf(address);
  const bits = addressOf(mask);
  if (bits.family !== family) return address;
  return formatAddress({ family, words: words.map((w, i) => (w & (bits.words[i] as number)) >>> 0) as Words });
}

type Entry = RecentTable['entries'] extends Map<string, infer E> ? E : never;

function stamp(list: RecentTable, key: string, entry: Entry, now: number, ttl: number): void {
  entry.index %= list.stamps;
  entry.stamps[entry.index++] = now;
  entry.ttl = ttl;
  list.entries.delete(key);
  list.entries.set(key, entry);
}

/** Seen within `seconds`, `hitcount` times. */
function isRecent(entry: Entry, match: Recent, now: number): boolean {
  const oldest = now - (match.seconds ?? 0) * 1000;
  const inTime = entry.stamps.filter((at) => !match.seconds || oldest <= at);
  return inTime.length >= Math.max(1, match.hitcount ?? 0);
}

/** `--reap` drops the address at hand's successor in age: the oldest entry, if all of it is out of time (recent_entry_reap). */
function reap(list: RecentTable, match: Recent, now: number): void {
  const oldest = list.entries.entries().next();
  if (oldest.done) return;
  const [key, entry] = oldest.value;
  const last = entry.stamps[entry.index - 1] ?? 0;
  if (now - (match.seconds ?? 0) * 1000 > last) list.entries.delete(key);
}

export function matchRecent(run: Run, host: Host, skb: Skb, _place: Place, match: Recent): boolean {
  const { packet } = skb;
  const now = run.world.clockMs;
  const list = listOf(host, match);
  const address = masked(match.side === 'dest' ? packet.daddr : packet.saddr, list.mask);
  const key = `${packet.family} ${address}`;
  // The TTL as it was before this host forwarded the packet.
  const ttl = packet.ttl + (skb.outdev && (skb.indev ?? skb.bridge) ? 1 : 0);
  const not = match.not === true;
  const found = list.entries.get(key);
  const entry = found && (!match.rttl || found.ttl === ttl) ? found : undefined;
  if (!entry) {
    if (match.action !== 'set') return not;
    if (list.entries.size >= LIST_SIZE) {
      const [oldest] = list.entries.keys();
      if (oldest !== undefined) list.entries.delete(oldest);
    }
    list.entries.delete(key);
    list.entries.set(key, { stamps: [now], index: 1, ttl });
    return !not;
  }
  let holds = not;
  if (match.action === 'set') holds = !not;
  else if (match.action === 'remove') {
    list.entries.delete(key);
    holds = !not;
  } else {
    if (isRecent(entry, match, now)) holds = !not;
    if (match.reap) reap(list, match, now);
  }
  if (match.action === 'set' || (match.action === 'update' && holds)) stamp(list, key, entry, now, ttl);
  return holds;
}
