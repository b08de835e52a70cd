/** Which server takes a new connection (ip_vs_{rr,wrr,sh,dh,mh,fo,...}.c). */
import { IpvsScheduler, IpvsServiceFlag } from '../../src/ipvs-codes';
import { ChoiceKind } from '../../src/terms';
import { chooseAside, chooseServer, weigh } from '../core/choice';
import { fold, mix } from '../core/hash';
import { allocate } from '../core/memory';
import { none, packet, skb, some } from '../core/skb';
import { IpvsServer, IpvsService } from '../layout/ipvs';
import { Netns } from '../layout/netns';
import { serverAt } from './services';

/** What was chosen for a client, a destination or a server. */
@unmanaged
class Pick {
  hi: u64;
  lo: u64;
  netns: Netns;
  /** The service's or the server's record. */
  subject: usize;
  port: u32;
  taken: i32;
  next: Pick;
  pad: u32;
}

const BUCKETS: u32 = 64;
let picks: usize = 0;

/** A new script knows nothing of what another one said. */
export function picksReset(): void {
  picks = 0;
}

/** Nothing is remembered; nothing was there to take. */
const UNKNOWN: i32 = -2;
const NOBODY: i32 = -1;

@inline
function bucketOf(subject: usize, hi: u64, lo: u64, port: u32): usize {
  return picks + (<usize>(fold(mix(lo ^ hi, <u64>subject ^ (<u64>port << 32))) & (BUCKETS - 1)) << 2);
}

function recall(subject: usize, hi: u64, lo: u64, port: u32): i32 {
  if (picks == 0) return UNKNOWN;
  let at = changetype<Pick>(<usize>load<u32>(bucketOf(subject, hi, lo, port)));
  for (; some(at); at = at.next) {
    if (at.subject == subject && at.netns == skb().netns && at.hi == hi && at.lo == lo && at.port == port) return at.taken;
  }
  return UNKNOWN;
}

function remember(subject: usize, hi: u64, lo: u64, port: u32, taken: i32): void {
  if (picks == 0) {
    picks = allocate(<usize>BUCKETS << 2);
    if (picks == 0) return;
  }
  const pick = changetype<Pick>(allocate(offsetof<Pick>()));
  if (!some(pick)) return;
  const bucket = bucketOf(subject, hi, lo, port);
  pick.hi = hi;
  pick.lo = lo;
  pick.netns = skb().netns;
  pick.subject = subject;
  pick.port = port;
  pick.taken = taken;
  pick.next = changetype<Pick>(<usize>load<u32>(bucket));
  store<u32>(bucket, <u32>changetype<usize>(pick));
}

/** More connections than its upper threshold? Nobody knows. */
function isOverloaded(server: IpvsServer): bool {
  if (!server.limited) return false;
  const subject = changetype<usize>(server);
  let taken = recall(subject, 0, 0, 0);
  if (taken == UNKNOWN) {
    taken = <i32>chooseAside(ChoiceKind.UNMODELLED, 2, subject);
    remember(subject, 0, 0, 0, taken);
  }
  return taken != 0;
}

/** Asked already whether it has too many connections. */
@inline
function isFree(server: IpvsServer): bool {
  return server.weight != 0 && (!server.limited || recall(changetype<usize>(server), 0, 0, 0) == 0);
}

enum Among {
  ALL = 0,
  FREE = 1,
  /** The heaviest of those that are free. */
  HEAVIEST = 2,
}

function belongs(server: IpvsServer, among: Among, most: u32): bool {
  if (among == Among.ALL) return true;
  return isFree(server) && (among == Among.FREE || server.weight == most);
}

/** Number of the server that the script takes; NOBODY where there is none. */
function oneOf(service: IpvsService, among: Among): i32 {
  let most: u32 = 0;
  for (let i: u32 = 0; i < service.serverCount; i++) {
    const server = serverAt(service, i);
    if (isFree(server)) most = max(most, server.weight);
  }
  let count: u32 = 0;
  for (let i: u32 = 0; i < service.serverCount; i++) if (belongs(serverAt(service, i), among, most)) count++;
  if (count == 0) return NOBODY;
  let taken: u32 = 0;
  if (count > 1) {
    const weighed = service.scheduler == <u8>IpvsScheduler.WRR;
    const known = weighed || service.scheduler == <u8>IpvsScheduler.RR;
    for (let i: u32 = 0; i < service.serverCount && known; i++) {
      const server = serverAt(service, i);
      if (belongs(server, among, most)) weigh(weighed ? server.weight : 1);
    }
    taken = chooseServer(count, known, changetype<usize>(service));
  }
  for (let i: u32 = 0; i < service.serverCount; i++) {
    if (!belongs(serverAt(service, i), among, most)) continue;
    if (taken == 0) return <i32>i;
    taken--;
  }
  return NOBODY;
}

/** The same one for the same ends within a script. */
function stays(service: IpvsService, hi: u64, lo: u64, port: u32, among: Among): i32 {
  const subject = changetype<usize>(service);
  let taken = recall(subject, hi, lo, port);
  if (taken != UNKNOWN) return taken;
  taken = oneOf(service, among);
  remember(subject, hi, lo, port, taken);
  return taken;
}

function pick(service: IpvsService): i32 {
  const p = packet();
  const fallsBack = (service.flags & <u8>IpvsServiceFlag.FALLBACK) != 0;
  const port = (service.flags & <u8>IpvsServiceFlag.HASH_PORT) != 0 ? <u32>p.sport : 0;
  switch (<i32>service.scheduler) {
    case <i32>IpvsScheduler.SOURCE_HASH:
      return stays(service, p.saddrHi, p.saddrLo, port, fallsBack ? Among.FREE : Among.ALL);
    case <i32>IpvsScheduler.DESTINATION_HASH:
      return stays(service, p.daddrHi, p.daddrLo, 0, Among.ALL);
    case <i32>IpvsScheduler.LOCALITY:
      return stays(service, p.daddrHi, p.daddrLo, 0, Among.FREE);
    case <i32>IpvsScheduler.HEAVIEST:
      return oneOf(service, Among.HEAVIEST);
    default:
      return oneOf(service, Among.FREE);
  }
}

/** The server for the packet's new connection; null: none may take it. */
export function schedule(service: IpvsService): IpvsServer {
  for (let i: u32 = 0; i < service.serverCount; i++) {
    const server = serverAt(service, i);
    if (server.weight != 0) isOverloaded(server);
  }
  const taken = pick(service);
  if (taken < 0) return none<IpvsServer>();
  const server = serverAt(service, <u32>taken);
  return isFree(server) ? server : none<IpvsServer>();
}
