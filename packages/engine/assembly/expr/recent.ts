/** recent_mt (xt_recent.c): lists of addresses seen lately, by name, in every namespace its own. */
import { RecentAction, RecentFlag } from '../../src/match-codes';
import { now } from '../core/clock';
import { allocate } from '../core/memory';
import { none, packet, skb, some } from '../core/skb';
import { Netns } from '../layout/netns';
import { RecentTest, Statement } from '../layout/statement';
import { inverted } from './header';

/** Addresses a list holds (`ip_list_tot`), and times an address has (the most a rule can count). */
const MOST_ENTRIES: u32 = 100;
const STAMPS: u32 = 256;

@unmanaged
class RecentEntry {
  hi: u64;
  lo: u64;
  /** The list runs from the address used longest ago. */
  next: RecentEntry;
  previous: RecentEntry;
  family: u32;
  ttl: u32;
  /** Times in milliseconds, a ring of `STAMPS`; how many there are, and where the next goes. */
  stamps: usize;
  stampCount: u32;
  index: u32;
}

@unmanaged
class RecentTable {
  netns: Netns;
  name: u32;
  first: RecentEntry;
  last: RecentEntry;
  count: u32;
  next: RecentTable;
}

let tables: RecentTable = none<RecentTable>();
let spare: RecentEntry = none<RecentEntry>();

export function recentReset(): void {
  tables = none<RecentTable>();
  spare = none<RecentEntry>();
}

function tableFor(name: u32): RecentTable {
  const netns = skb().netns;
  for (let at = tables; some(at); at = at.next) if (at.netns == netns && at.name == name) return at;
  const table = changetype<RecentTable>(allocate(offsetof<RecentTable>()));
  if (!some(table)) return table;
  table.netns = netns;
  table.name = name;
  table.next = tables;
  tables = table;
  return table;
}

function unlink(table: RecentTable, entry: RecentEntry): void {
  if (some(entry.previous)) entry.previous.next = entry.next;
  else table.first = entry.next;
  if (some(entry.next)) entry.next.previous = entry.previous;
  else table.last = entry.previous;
}

function append(table: RecentTable, entry: RecentEntry): void {
  entry.previous = table.last;
  entry.next = none<RecentEntry>();
  if (some(table.last)) table.last.next = entry;
  else table.first = entry;
  table.last = entry;
}

function remove(table: RecentTable, entry: RecentEntry): void {
  unlink(table, entry);
  table.count--;
  entry.next = spare;
  spare = entry;
}

@inline
function stampAt(entry: RecentEntry, i: u32): u64 {
  return load<u64>(entry.stamps + (<usize>(i & (STAMPS - 1)) << 3));
}

/** recent_entry_update() */
function stamp(entry: RecentEntry): void {
  entry.index &= STAMPS - 1;
  store<u64>(entry.stamps + (<usize>entry.index << 3), now());
  entry.index++;
  if (entry.index > entry.stampCount) entry.stampCount = entry.index;
}

/** recent_entry_init() */
function add(table: RecentTable, hi: u64, lo: u64, family: u32, ttl: u32): void {
  if (table.count >= MOST_ENTRIES) remove(table, table.first);
  let entry = spare;
  if (some(entry)) {
    spare = entry.next;
  } else {
    entry = changetype<RecentEntry>(allocate(offsetof<RecentEntry>()));
    if (!some(entry)) return;
    entry.stamps = allocate(<usize>STAMPS << 3);
    if (entry.stamps == 0) return;
  }
  entry.hi = hi;
  entry.lo = lo;
  entry.family = family;
  entry.ttl = ttl;
  entry.stampCount = 0;
  entry.index = 0;
  stamp(entry);
  append(table, entry);
  table.count++;
}

/** True if at least `hitcount` (or one) of the times are no older than `seconds`. */
function seen(entry: RecentEntry, seconds: u32, hitcount: u32): bool {
  const age = <u64>seconds * 1000;
  const time = now();
  let hits: u32 = 0;
  for (let i: u32 = 0; i < entry.stampCount; i++) {
    if (seconds != 0 && time > stampAt(entry, i) + age) continue;
    hits++;
    if (hitcount == 0 || hits >= hitcount) return true;
  }
  return false;
}

export function matchRecent(at: usize): bool {
  const test = changetype<RecentTest>(at);
  const s = skb();
  const p = packet();
  const destination = (test.flags & <u8>RecentFlag.DEST) != 0;
  const hi = (destination ? p.daddrHi : p.saddrHi) & test.maskHi;
  const lo = (destination ? p.daddrLo : p.saddrLo) & test.maskLo;
  // The TTL as it was before forwarding.
  const ttl = <u32>p.ttl + (some(s.oif) && !s.made ? 1 : 0);
  const table = tableFor(changetype<Statement>(at).argument);
  if (!some(table)) return false;
  let entry = table.first;
  while (some(entry) && (entry.lo != lo || entry.hi != hi || entry.family != p.family)) entry = entry.next;
  if (some(entry) && (test.flags & <u8>RecentFlag.RTTL) != 0 && entry.ttl != ttl) entry = none<RecentEntry>();
  const action = <u32>test.action;
  const not = inverted(at);
  if (!some(entry)) {
    if (action != RecentAction.SET) return not;
    add(table, hi, lo, p.family, ttl);
    return !not;
  }
  if (action == RecentAction.REMOVE) {
    remove(table, entry);
    return !not;
  }
  let result = !not;
  if (action != RecentAction.SET) {
    result = seen(entry, test.seconds, test.hitcount) != not;
    if ((test.flags & <u8>RecentFlag.REAP) != 0) {
      // The address used longest ago goes if its last time is too old, unless it is about to get a new one.
      const oldest = table.first;
      const updating = oldest == entry && action == RecentAction.UPDATE && result;
      const stale = now() > stampAt(oldest, oldest.index - 1) + <u64>test.seconds * 1000;
      if (!updating && stale) {
        remove(table, oldest);
        if (oldest == entry) return result;
      }
    }
  }
  if (action == RecentAction.SET || (action == RecentAction.UPDATE && result)) {
    stamp(entry);
    entry.ttl = ttl;
    unlink(table, entry);
    append(table, entry);
  }
  return result;
}
