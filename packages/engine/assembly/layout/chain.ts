/**
 * One table of netfilter rules. `names` maps the symbol of a chain's name to the chain: `u32` pairs, a power of two of them.
 * A chain not found here is looked for in `base`.
 */
@unmanaged
export class Table {
  id: u32;
  base: Table;
  names: usize;
  /** Pairs in `names`, less one. */
  namesMask: u32;
  chains: usize;
  chainCount: u32;
  /** Named sets of nftables: `NamedSet[]`, a power of two of them, found like chains. */
  sets: usize;
  /** Places in `sets`, less one. */
  setsMask: u32;
  /** `FamilyCode`. */
  family: u8;
}

/** A chain: its rules as written, and the index that finds candidates among many (`chain/index.ts`). */
@unmanaged
export class Chain {
  id: u32;
  /** Symbol of the name. */
  name: u32;
  /** Pointers to rule bodies (statement records up to END). */
  rules: usize;
  ruleCount: u32;
  /** 0: walk the rules one by one. */
  index: usize;
}

/** A base chain as one namespace runs it. */
@unmanaged
export class BaseChain {
  table: Table;
  chain: Chain;
  priority: i32;
  hook: u8;
  /** Chain of type nat, type route. */
  nat: u8;
  reroute: u8;
  /** 1: the policy is drop. */
  drop: u8;
  /** INGRESS and EGRESS: symbol of the device. */
  device: u32;
  /** 1: it stands before the kernel's own function of the same priority, because it was loaded behind what asked for that. */
  early: u32;
}

export const CHAIN_TABLE_SIZE: u32 = offsetof<Table>();
export const CHAIN_TABLE_ID: u32 = offsetof<Table>('id');
export const CHAIN_TABLE_BASE: u32 = offsetof<Table>('base');
export const CHAIN_TABLE_NAMES: u32 = offsetof<Table>('names');
export const CHAIN_TABLE_NAMES_MASK: u32 = offsetof<Table>('namesMask');
export const CHAIN_TABLE_CHAINS: u32 = offsetof<Table>('chains');
export const CHAIN_TABLE_CHAIN_COUNT: u32 = offsetof<Table>('chainCount');
export const CHAIN_TABLE_SETS: u32 = offsetof<Table>('sets');
export const CHAIN_TABLE_SETS_MASK: u32 = offsetof<Table>('setsMask');
export const CHAIN_TABLE_FAMILY: u32 = offsetof<Table>('family');
export const CHAIN_SIZE: u32 = offsetof<Chain>();
export const CHAIN_ID: u32 = offsetof<Chain>('id');
export const CHAIN_NAME: u32 = offsetof<Chain>('name');
export const CHAIN_RULES: u32 = offsetof<Chain>('rules');
export const CHAIN_RULE_COUNT: u32 = offsetof<Chain>('ruleCount');
export const BASE_CHAIN_SIZE: u32 = offsetof<BaseChain>();
export const BASE_CHAIN_TABLE: u32 = offsetof<BaseChain>('table');
export const BASE_CHAIN_CHAIN: u32 = offsetof<BaseChain>('chain');
export const BASE_CHAIN_PRIORITY: u32 = offsetof<BaseChain>('priority');
export const BASE_CHAIN_HOOK: u32 = offsetof<BaseChain>('hook');
export const BASE_CHAIN_NAT: u32 = offsetof<BaseChain>('nat');
export const BASE_CHAIN_REROUTE: u32 = offsetof<BaseChain>('reroute');
export const BASE_CHAIN_DROP: u32 = offsetof<BaseChain>('drop');
export const BASE_CHAIN_DEVICE: u32 = offsetof<BaseChain>('device');
export const BASE_CHAIN_EARLY: u32 = offsetof<BaseChain>('early');
