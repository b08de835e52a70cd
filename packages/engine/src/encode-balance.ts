/** Load balancers as records; what is shared by identity is written once. */
import { BalancingFlag, FrontendFlag } from './balance-codes.ts';
import type { Balancer, BalancerFrontend, Balancing, LinkBalancing } from './balancer.ts';
import { addressOf, type Encoding, prefixOf } from './encoding.ts';
import { Protocol } from './terms.ts';

const NUMBERS = { tcp: Protocol.TCP, udp: Protocol.UDP, sctp: Protocol.SCTP } as const;
const MILLISECONDS = 1000;

/** What was written already. */
export interface Balanced {
  balancers: Map<Balancer, number>;
  frontends: Map<BalancerFrontend, number>;
  prefixes: Map<readonly string[], number>;
  places: Map<Balancing, number>;
}

export const emptyBalanced = (): Balanced => ({
  balancers: new Map(),
  frontends: new Map(),
  prefixes: new Map(),
  places: new Map(),
});

/** An address alone is a prefix of its whole length. */
const whole = (text: string): string => (text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);

function encodePrefixes({ abi, arena, balanced }: Encoding, prefixes: readonly string[], where: string): number {
  const known = balanced.prefixes.get(prefixes);
  if (known !== undefined) return known;
  const first = arena.alloc(prefixes.length * abi.BALANCE_PREFIX_SIZE);
  balanced.prefixes.set(prefixes, first);
  for (const [i, text] of prefixes.entries()) {
    const at = first + i * abi.BALANCE_PREFIX_SIZE;
    const { family, words, length } = prefixOf(whole(text), where);
    arena.putWords(at + abi.BALANCE_PREFIX_ADDRESS, words);
    arena.u8[at + abi.BALANCE_PREFIX_FAMILY] = family;
    arena.u8[at + abi.BALANCE_PREFIX_LENGTH] = length;
  }
  return first;
}

function flagsOf({ sourceRanges, denies, affinity, unmodelled, away }: BalancerFrontend): number {
  return (
    (sourceRanges === undefined ? 0 : FrontendFlag.RANGES) |
    (denies ? FrontendFlag.DENIES : 0) |
    (affinity === undefined ? 0 : FrontendFlag.AFFINITY) |
    (unmodelled === undefined ? 0 : FrontendFlag.UNMODELLED) |
    (away === undefined ? 0 : FrontendFlag.AWAY)
  );
}

function encodeFrontend(encoding: Encoding, frontend: BalancerFrontend, where: string): number {
  const { abi, arena, objects, balanced } = encoding;
  const known = balanced.frontends.get(frontend);
  if (known !== undefined) return known;
  const { backends, sourceRanges = [], affinity = 0 } = frontend;
  const at = arena.alloc(abi.FRONTEND_SIZE);
  balanced.frontends.set(frontend, at);
  objects.frontends.set(at, frontend);
  const first = arena.alloc(backends.length * abi.BACKEND_SIZE);
  for (const [i, backend] of backends.entries()) {
    arena.putWords(first + i * abi.BACKEND_SIZE + abi.BACKEND_ADDRESS, addressOf(backend.address, where).words);
    arena.u16[(first + i * abi.BACKEND_SIZE + abi.BACKEND_PORT) >>> 1] = backend.port;
  }
  const ranges = encodePrefixes(encoding, sourceRanges, where);
  const { u32 } = arena;
  u32[(at + abi.FRONTEND_AFFINITY) >>> 2] = (affinity * MILLISECONDS) >>> 0;
  u32[((at + abi.FRONTEND_AFFINITY) >>> 2) + 1] = Math.floor((affinity * MILLISECONDS) / 2 ** 32);
  u32[(at + abi.FRONTEND_BACKENDS) >>> 2] = first;
  u32[(at + abi.FRONTEND_BACKEND_COUNT) >>> 2] = backends.length;
  u32[(at + abi.FRONTEND_RANGES) >>> 2] = ranges;
  u32[(at + abi.FRONTEND_RANGE_COUNT) >>> 2] = sourceRanges.length;
  u32[(at + abi.FRONTEND_FLAGS) >>> 2] = flagsOf(frontend);
  return at;
}

function encodeBalancer(encoding: Encoding, balancer: Balancer, where: string): number {
  const { abi, arena, balanced } = encoding;
  const known = balanced.balancers.get(balancer);
  if (known !== undefined) return known;
  const base = balancer.base ? encodeBalancer(encoding, balancer.base, where) : 0;
  const keys = balancer.frontends.map((frontend) => {
    const { family, words } = addressOf(frontend.address, where);
    return { family, words, port: frontend.port, protocol: NUMBERS[frontend.protocol], frontend };
  });
  keys.sort((a, b) => {
    const word = a.words.findIndex((one, i) => one !== b.words[i]);
    const byAddress = word < 0 ? 0 : (a.words[word] as number) - (b.words[word] as number);
    return a.family - b.family || byAddress || a.port - b.port || a.protocol - b.protocol;
  });
  const records = keys.map(({ frontend }) => encodeFrontend(encoding, frontend, where));
  const first = arena.alloc(keys.length * abi.FRONTEND_KEY_SIZE);
  for (const [i, { family, words, port, protocol }] of keys.entries()) {
    const at = first + i * abi.FRONTEND_KEY_SIZE;
    arena.putWords(at + abi.FRONTEND_KEY_ADDRESS, words);
    arena.u16[(at + abi.FRONTEND_KEY_PORT) >>> 1] = port;
    arena.u8[at + abi.FRONTEND_KEY_PROTOCOL] = protocol;
    arena.u8[at + abi.FRONTEND_KEY_FAMILY] = family;
    arena.u32[(at + abi.FRONTEND_KEY_FRONTEND) >>> 2] = records[i] as number;
  }
  const at = arena.alloc(abi.BALANCER_SIZE);
  arena.u32[(at + abi.BALANCER_BASE) >>> 2] = base;
  arena.u32[(at + abi.BALANCER_KEYS) >>> 2] = first;
  arena.u32[(at + abi.BALANCER_KEY_COUNT) >>> 2] = keys.length;
  balanced.balancers.set(balancer, at);
  return at;
}

/** Writes a balancer in its place; returns where. */
export function encodeBalancing(
  encoding: Encoding,
  balancing: Balancing & Partial<LinkBalancing>,
  where: string,
): number {
  const { abi, arena, balanced } = encoding;
  const known = balanced.places.get(balancing);
  if (known !== undefined) return known;
  const { nodes = [], local = [], sources = [], loopback = [] } = balancing;
  const balancer = encodeBalancer(encoding, balancing.balancer, where);
  const nodesAt = encodePrefixes(encoding, nodes, where);
  const localAt = encodePrefixes(encoding, local, where);
  const at = arena.alloc(abi.BALANCING_SIZE);
  balanced.places.set(balancing, at);
  let flags = 0;
  const put = (offset: number, value: number) => {
    arena.u32[(at + offset) >>> 2] = value;
  };
  /** The first of each family. */
  const addresses = (
    texts: readonly string[],
    at4: number,
    at6: number,
    flag4: BalancingFlag,
    flag6: BalancingFlag,
  ) => {
    for (const { family, words } of [...texts].reverse().map((text) => addressOf(text, where))) {
      if (family === 4) put(at4, words[3]);
      else arena.putWords(at + at6, words);
      flags |= family === 4 ? flag4 : flag6;
    }
  };
  addresses(sources, abi.BALANCING_SOURCE_4, abi.BALANCING_SOURCE_6, BalancingFlag.SOURCE_4, BalancingFlag.SOURCE_6);
  const { LOOPBACK_4, LOOPBACK_6 } = BalancingFlag;
  addresses(loopback, abi.BALANCING_LOOPBACK_4, abi.BALANCING_LOOPBACK_6, LOOPBACK_4, LOOPBACK_6);
  put(abi.BALANCING_BALANCER, balancer);
  put(abi.BALANCING_NODES, nodesAt);
  put(abi.BALANCING_NODE_COUNT, nodes.length);
  put(abi.BALANCING_LOCAL, localAt);
  put(abi.BALANCING_LOCAL_COUNT, local.length);
  put(abi.BALANCING_FLAGS, flags);
  return at;
}
