/**
 * The interval that an address lies in, by a B+-tree laid out level by level without pointers: a node is one cache line of keys (16 of
 * 32 bits or 8 of 64), compared all at once, and the number of keys not above the address is the way down. Many searches go down
 * together, level by level, so that each waits for memory while the others compare.
 *
 *   | Tree | root | second level ... | leaves: keys, then as many entries, each |
 *
 * `K` is i32 or i64: addresses with the topmost bit flipped, since SIMD128 compares signed numbers. Unused places hold the greatest
 * key, which no search looks for: an address equal to it is answered by `last`.
 */
import { give, take } from '../store/blocks';
import { BOUND, Bound, boundAt } from './bound';
import { half } from './prefix';

const LINE: usize = 64;

@unmanaged
export class Tree {
  bytes: u32;
  /** Levels above the leaves. */
  depth: u32;
  /** Entry of the greatest address. */
  last: u32;
  reserved: u32;
  /** Address of the first node of each level, the root first, then of the first leaf: twelve places. */
  firstLevel: u32;
}

@inline
function levelOf(tree: Tree, level: u32): usize {
  return <usize>load<u32>(changetype<usize>(tree) + (<usize>level << 2), offsetof<Tree>('firstLevel'));
}

@inline
function setLevel(tree: Tree, level: u32, first: usize): void {
  store<u32>(changetype<usize>(tree) + (<usize>level << 2), <u32>first, offsetof<Tree>('firstLevel'));
}

/** Keys in a node. */
@inline
function wide<K>(): u32 {
  return <u32>(LINE / sizeof<K>());
}

@inline
function leafBytes<K>(): usize {
  return LINE + <usize>wide<K>() * 4;
}

@inline
function flip<K>(key: u64): K {
  return sizeof<K>() == 4 ? <K>(<u32>key ^ 0x80000000) : <K>(key ^ 0x8000000000000000);
}

@inline
function greatest<K>(): K {
  return sizeof<K>() == 4 ? <K>i32.MAX_VALUE : <K>i64.MAX_VALUE;
}

/** How many keys of a node are not above the address in all lanes of `at`. Keys rise, so they are the first ones. */
@inline
function rank<K>(node: usize, at: v128): u32 {
  const a = v128.gt<K>(v128.load(node), at);
  const b = v128.gt<K>(v128.load(node, 16), at);
  const c = v128.gt<K>(v128.load(node, 32), at);
  const d = v128.gt<K>(v128.load(node, 48), at);
  const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
  const first = ctz(i8x16.bitmask(bytes) | 0x10000);
  return sizeof<K>() == 4 ? first : first >> 1;
}

@inline
function below<K>(place: u32, keys: u32): u32 {
  return place * (wide<K>() + 1) + keys;
}

@inline
function nodeAt(level: usize, place: u32): usize {
  return level + <usize>place * LINE;
}

/** The entry of the leaf `place`, for the address in all lanes of `at`. */
@inline
function entryIn<K>(leaves: usize, place: u32, at: v128): u32 {
  const leaf = leaves + <usize>place * leafBytes<K>();
  return load<u32>(leaf + (<usize>rank<K>(leaf, at) << 2), LINE - 4);
}

/** The address to search for: the greatest one is answered without. */
@inline
function searched<K>(key: K): K {
  return key == greatest<K>() ? <K>(greatest<K>() - 1) : key;
}

@inline
function answer<K>(tree: Tree, key: K, entry: u32): u32 {
  return key == greatest<K>() ? tree.last : entry;
}

/** The entry of the interval that `address` lies in. */
@inline
export function treeFind<K>(tree: Tree, address: u64): u32 {
  const key = flip<K>(address);
  const at = v128.splat<K>(searched<K>(key));
  const depth = tree.depth;
  let place: u32 = 0;
  for (let level: u32 = 0; level < depth; level++) {
    place = below<K>(place, rank<K>(nodeAt(levelOf(tree, level), place), at));
  }
  return answer<K>(tree, key, entryIn<K>(levelOf(tree, depth), place, at));
}

/** The address number `i` of many: a u32 each for IPv4, the first half of four u32, the most significant first, for IPv6. */
@inline
function addressAt<K>(keys: usize, i: u32): u64 {
  return sizeof<K>() == 4 ? <u64>load<u32>(keys + (<usize>i << 2)) : half(keys + (<usize>i << 4));
}

@inline
function lanesOf<K>(keys: usize, i: u32): v128 {
  return v128.splat<K>(searched<K>(flip<K>(addressAt<K>(keys, i))));
}

/** Takes all searches one level down; their places stand at `out`. */
@inline
function descend<K>(level: usize, keys: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const cell = out + (<usize>i << 2);
    const place = load<u32>(cell);
    store<u32>(cell, below<K>(place, rank<K>(nodeAt(level, place), lanesOf<K>(keys, i))));
  }
}

/** `treeFind` for `count` addresses; writes their entries to `out`. */
export function treeFindAll<K>(tree: Tree, keys: usize, count: u32, out: usize): void {
  const depth = tree.depth;
  memory.fill(out, 0, <usize>count << 2);
  for (let level: u32 = 0; level < depth; level++) descend<K>(levelOf(tree, level), keys, count, out);
  // In leaves, keys and entries are different cache lines.
  const leaves = levelOf(tree, depth);
  for (let i: u32 = 0; i < count; i++) {
    const cell = out + (<usize>i << 2);
    const leaf = leaves + <usize>load<u32>(cell) * leafBytes<K>();
    store<u32>(cell, <u32>(leaf + (<usize>rank<K>(leaf, lanesOf<K>(keys, i)) << 2)));
  }
  for (let i: u32 = 0; i < count; i++) {
    const cell = out + (<usize>i << 2);
    const entry = load<u32>(<usize>load<u32>(cell), LINE - 4);
    store<u32>(cell, answer<K>(tree, flip<K>(addressAt<K>(keys, i)), entry));
  }
}

@inline
function nodesAbove<K>(nodes: u32): u32 {
  return (nodes + wide<K>()) / (wide<K>() + 1);
}

function fillLeaves<K>(leaves: usize, leafCount: u32, intervals: usize, count: u32, keyOffset: usize): void {
  const width = wide<K>();
  let entry: u32 = 0;
  for (let i: u32 = 0; i < leafCount * width; i++) {
    const leaf = leaves + <usize>(i / width) * leafBytes<K>();
    const place = <usize>(i % width);
    let key = greatest<K>();
    if (i < count) {
      const interval = intervals + <usize>i * BOUND;
      key = flip<K>(load<u64>(interval + keyOffset));
      entry = load<u32>(interval, offsetof<Bound>('entry'));
    }
    store<K>(leaf + place * sizeof<K>(), key);
    store<u32>(leaf + (place << 2), entry, LINE);
  }
}

/** Fills a level: key `j` of a node is the least key below its child `j + 1`, which stands `height` levels above the leaves. */
function fillLevel<K>(level: usize, nodes: u32, height: u32, leaves: usize, leafCount: u32): void {
  const width = wide<K>();
  for (let place: u32 = 0; place < nodes; place++) {
    for (let j: u32 = 0; j < width; j++) {
      let leaf = below<K>(place, j + 1);
      for (let i: u32 = 0; i < height; i++) leaf *= width + 1;
      const key = leaf < leafCount ? load<K>(leaves + <usize>leaf * leafBytes<K>()) : greatest<K>();
      store<K>(nodeAt(level, place) + <usize>j * sizeof<K>(), key);
    }
  }
}

/**
 * Builds a tree over `count` (at least 1) intervals, the first of which begins at 0. `keyOffset` says which word of a bound is the
 * address. Null where the memory is used up.
 */
export function treeBuild<K>(intervals: usize, count: u32, keyOffset: usize): Tree {
  const width = wide<K>();
  const leafCount = (count + width - 1) / width;
  let depth: u32 = 0;
  let inner: u32 = 0;
  for (let nodes = leafCount; nodes > 1; depth++) {
    nodes = nodesAbove<K>(nodes);
    inner += nodes;
  }
  const bytes = LINE + <usize>inner * LINE + <usize>leafCount * leafBytes<K>();
  const tree = changetype<Tree>(take(bytes));
  if (changetype<usize>(tree) == 0) return tree;
  tree.bytes = <u32>bytes;
  tree.depth = depth;
  // From the leaves, at the end, up to the root.
  let first = changetype<usize>(tree) + LINE + <usize>inner * LINE;
  const leaves = first;
  setLevel(tree, depth, leaves);
  fillLeaves<K>(leaves, leafCount, intervals, count, keyOffset);
  let nodes = leafCount;
  for (let height: u32 = 0; height < depth; height++) {
    nodes = nodesAbove<K>(nodes);
    first -= <usize>nodes * LINE;
    setLevel(tree, depth - 1 - height, first);
    fillLevel<K>(first, nodes, height, leaves, leafCount);
  }
  tree.last = boundAt(intervals, count - 1).entry;
  return tree;
}

export function treeFree(tree: Tree): void {
  if (changetype<usize>(tree) != 0) give(changetype<usize>(tree), tree.bytes);
}
