/** Which value a hash has, as far as choices said it: the same hash of the same key stays the same within a script. */
import { Field } from '../../../src/nft-codes';
import { hashKey } from '../../set/nft-element';
import { allocate } from '../../core/memory';
import { none, packet, skb, some } from '../../core/skb';
import { Selector, Value } from '../../layout/nft';
import { Netns } from '../../layout/netns';
import { evaluateHashed, hashedValues } from './number';
import { Known } from './key';

/** Values from the first to the last. */
@unmanaged
export class Span {
  from: u32;
  to: u32;
}

/** What is known of one hash: the key's values follow. */
@unmanaged
export class Memo {
  next: Memo;
  netns: Netns;
  /** The selector, or the modulus of a symhash. */
  owner: usize;
  count: u32;
  spans: usize;
  spanCount: u32;
}

const BUCKETS: u32 = 256;
const LISTS: usize = memory.data(256 * 4, 8);
const FLOW: usize = memory.data(3 * 16, 8);
const POOL: u32 = 1 << 14;

let pool: usize = 0;
let poolSize: u32 = 0;
let poolUsed: u32 = 0;
let noted: u32 = 0;

/** A new script knows nothing of what another one said. */
export function memoForget(): void {
  if (noted == 0) return;
  memory.fill(LISTS, 0, BUCKETS * 4);
  noted = 0;
  poolUsed = 0;
}

export function memoReset(): void {
  memoForget();
  pool = 0;
  poolSize = 0;
}

/** Room that lasts until the script's end. */
function take(bytes: u32): usize {
  if (poolUsed + bytes > poolSize) {
    poolSize = max<u32>(max<u32>(POOL, poolSize * 2), bytes);
    pool = allocate(poolSize);
    poolUsed = 0;
    if (pool == 0) {
      poolSize = 0;
      return 0;
    }
  }
  const at = pool + poolUsed;
  poolUsed += (bytes + 7) & ~7;
  return at;
}

/** The flow with its ends in order, so that both directions are one (__flow_hash_consistentify()). */
function fillFlow(): void {
  const p = packet();
  const source = changetype<Value>(FLOW);
  const destination = changetype<Value>(FLOW + offsetof<Value>());
  const rest = changetype<Value>(FLOW + 2 * offsetof<Value>());
  let turned = p.daddrHi != p.saddrHi ? p.daddrHi < p.saddrHi : p.daddrLo < p.saddrLo;
  // Of a piece, the first one too, nobody looks for ports.
  const isPiece = p.fragment != 0;
  if (p.daddrHi == p.saddrHi && p.daddrLo == p.saddrLo) turned = !isPiece && p.dport < p.sport;
  source.hi = turned ? p.daddrHi : p.saddrHi;
  source.lo = turned ? p.daddrLo : p.saddrLo;
  destination.hi = turned ? p.saddrHi : p.daddrHi;
  destination.lo = turned ? p.saddrLo : p.daddrLo;
  const ports = turned ? (<u64>p.dport << 16) | p.sport : (<u64>p.sport << 16) | p.dport;
  rest.hi = 0;
  rest.lo = ((isPiece ? 0 : ports) << 16) | (<u64>p.protocol << 8) | p.family;
}

/** What the hash is about, evaluated: `keyAt`, `keyCount`. */
let keyAt: usize = 0;
let keyCount: u32 = 0;
let owner: usize = 0;

/** Is it a hash, whose value is remembered? */
@inline
export function isHash(selector: Selector): bool {
  return selector.field == <u8>Field.JHASH || selector.field == <u8>Field.SYMHASH;
}

/** Evaluates what the hash is about. */
export function memoKey(selector: Selector): Known {
  if (selector.field == <u8>Field.SYMHASH) {
    fillFlow();
    keyAt = FLOW;
    keyCount = 3;
    owner = <usize>selector.mod;
    return Known.YES;
  }
  const known = evaluateHashed(selector);
  keyAt = hashedValues();
  keyCount = selector.key.count;
  owner = changetype<usize>(selector);
  return known;
}

@inline
function listOf(): usize {
  return LISTS + (<usize>((hashKey(keyAt, keyCount) + <u32>owner) & (BUCKETS - 1)) << 2);
}

/** What is known of the hash whose key was evaluated last; null: nothing. */
export function memoFind(): Memo {
  const netns = skb().netns;
  let at = changetype<Memo>(<usize>load<u32>(listOf()));
  for (; some(at); at = at.next) {
    if (at.netns != netns || at.owner != owner || at.count != keyCount) continue;
    if (memory.compare(changetype<usize>(at) + offsetof<Memo>(), keyAt, <usize>keyCount * offsetof<Value>()) == 0) return at;
  }
  return none<Memo>();
}

/** Notes the values that the hash of that key may still have. */
export function memoNote(memo: Memo, spans: usize, count: u32): void {
  let at = memo;
  if (!some(at)) {
    at = changetype<Memo>(take(<u32>offsetof<Memo>() + keyCount * <u32>offsetof<Value>()));
    if (!some(at)) return;
    at.netns = skb().netns;
    at.owner = owner;
    at.count = keyCount;
    memory.copy(changetype<usize>(at) + offsetof<Memo>(), keyAt, <usize>keyCount * offsetof<Value>());
    const list = listOf();
    at.next = changetype<Memo>(<usize>load<u32>(list));
    store<u32>(list, <u32>changetype<usize>(at));
    noted++;
  }
  const own = take(count * <u32>offsetof<Span>());
  if (own == 0) return;
  memory.copy(own, spans, <usize>count * offsetof<Span>());
  at.spans = own;
  at.spanCount = count;
}
