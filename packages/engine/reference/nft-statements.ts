/** One function per kind of nftables' own statement; each follows the kernel function it names. */
import {
  ChoiceKind,
  type CompareOp,
  type DataSource,
  type HeaderField,
  type NatRange,
  type NftAction,
  type NftElement,
  type NftMatch,
  type NftVerdict,
  type Packet,
  type Scalar,
  type Selector,
  type SetRef,
  type ValueRange,
  Verdict,
} from '../src/index.ts';
import { choose } from './choice.ts';
import { setZone } from './conntrack.ts';
import type { Classes } from './nft-chance.ts';
import { type At, addressType, type Key, loadKey } from './nft-key.ts';
import { cutsOf, elementClasses, findElement, liveElements, setState, updateSet } from './nft-sets.ts';
import { addressText, boundsOf, constant, fits, scalarOf, type Value } from './nft-value.ts';
import type { Arp, Skb } from './state.ts';

/** What a statement makes of its rule: go on (with the element found), or the rule is over (NFT_BREAK). */
export type Outcome = { kind: 'on'; element?: NftElement } | { kind: 'break' };

const ON: Outcome = { kind: 'on' };
const BREAK: Outcome = { kind: 'break' };

function undecided({ run, host, place }: At, text: string, alternatives = 2): number {
  const { table, chain, index } = place;
  const rule = { table, chain, index };
  return choose(run, { kind: ChoiceKind.UNMODELLED, alternatives, netns: host.netns.name, rule, text });
}

/** nft_cmp_eval, nft_range_eval. */
function relates(values: readonly Value[], op: CompareOp, wanted: readonly ValueRange[]): boolean {
  if (op === 'eq' || op === 'ne') {
    const equal = values.every((value, i) => fits(value, wanted[i] as ValueRange));
    return equal === (op === 'eq');
  }
  const [value] = values as [Value];
  const bounds = boundsOf(wanted[0] as ValueRange, value.type);
  if (!bounds) return false;
  const [bound] = bounds;
  switch (op) {
    case 'lt':
      return value.n < bound;
    case 'le':
      return value.n <= bound;
    case 'gt':
      return value.n > bound;
    case 'ge':
      return value.n >= bound;
  }
}

function compare(at: At, { key, op, values }: NftMatch & { kind: 'compare' }): Outcome {
  const classes: Classes = { cuts: () => cutsOf(values.slice(0, 1)), classOf: (value) => relates([value], op, values) };
  const loaded = loadKey(at, key, values.map(addressType), classes);
  if (loaded.kind === 'none') return BREAK;
  if (loaded.kind === 'unmodelled') return undecided(at, loaded.text) === 0 ? ON : BREAK;
  return relates(loaded.values, op, values) ? ON : BREAK;
}

/** The element for a key; `unknown` where the key is, `none` where the packet has no such key. */
function search(at: At, key: readonly Selector[], ref: SetRef): { key: Key; live: NftElement[]; element?: NftElement } {
  const state = setState(at.host, at.place.table, ref);
  const live = liveElements(at.run, state);
  const loaded = loadKey(at, key, state.set.type, elementClasses(live));
  const element = loaded.kind === 'values' ? findElement(live, loaded.values) : undefined;
  return { key: loaded, live, ...(element ? { element } : {}) };
}

function lookup(at: At, { key, set, not }: NftMatch & { kind: 'lookup' }, run: RunStatements): Outcome {
  const found = search(at, key, set);
  if (found.key.kind === 'none') return BREAK;
  if (found.key.kind === 'unmodelled') return undecided(at, found.key.text) === 0 ? ON : BREAK;
  const { element } = found;
  if ((element !== undefined) === (not === true)) return BREAK;
  if (!element) return ON;
  return run(element) ? { kind: 'on', element } : BREAK;
}

/** Runs an element's own statements: false where one does not hold. */
export type RunStatements = (element: NftElement) => boolean;

export function matchNft(at: At, match: NftMatch, run: RunStatements): Outcome {
  return match.kind === 'compare' ? compare(at, match) : lookup(at, match, run);
}

/** The element of a map that the packet leads to; all of them, and none, where the key is not modelled. */
function mapElement(at: At, key: readonly Selector[], map: SetRef, run: RunStatements): NftElement | undefined {
  const found = search(at, key, map);
  let { element } = found;
  if (found.key.kind === 'unmodelled' && found.live.length > 0) {
    const taken = undecided(at, found.key.text, found.live.length + 1);
    element = taken === 0 ? undefined : found.live[taken - 1];
  }
  return element && run(element) ? element : undefined;
}

/** `break`: no such value. */
type Data =
  | { kind: 'data'; ranges: ValueRange[]; element?: NftElement }
  | { kind: 'break' }
  | { kind: 'unmodelled'; text: string };

function dataOf(at: At, source: DataSource, run: RunStatements): Data {
  switch (source.kind) {
    case 'value':
      return { kind: 'data', ranges: source.values };
    case 'selectors': {
      const loaded = loadKey(at, source.key);
      if (loaded.kind === 'values') return { kind: 'data', ranges: loaded.values.map(scalarOf) };
      return loaded.kind === 'none' ? { kind: 'break' } : loaded;
    }
    case 'map': {
      const element = mapElement(at, source.key, source.map, run);
      return element ? { kind: 'data', ranges: element.data ?? [], element } : { kind: 'break' };
    }
  }
}

const firstOf = (range: ValueRange | undefined): Scalar => (typeof range === 'object' ? range.from : (range ?? 0));
const lastOf = (range: ValueRange | undefined): Scalar => (typeof range === 'object' ? range.to : (range ?? 0));

const VERDICTS = {
  accept: Verdict.ACCEPT,
  drop: Verdict.DROP,
  return: Verdict.RETURN,
  continue: Verdict.CONTINUE,
  jump: Verdict.JUMP,
  goto: Verdict.GOTO,
} as const;

export interface NftResult {
  verdict: Verdict;
  target?: string;
  element?: NftElement;
  /** NAT to bind, or the device to leave by: the caller's business. */
  nat?: { manip: 'dnat' | 'snat' | 'masquerade' | 'redirect'; range: NatRange };
  device?: string;
}

function verdictOf(verdict: NftVerdict | undefined, element: NftElement): NftResult {
  if (!verdict) return { verdict: Verdict.CONTINUE, element };
  const target = 'chain' in verdict ? { target: verdict.chain } : {};
  return { verdict: VERDICTS[verdict.kind], ...target, element };
}

const going = (element: NftElement | undefined): NftResult => ({
  verdict: Verdict.CONTINUE,
  ...(element ? { element } : {}),
});

/** What is written is not known, so that nobody knows what happens next: as a target that is not modelled. */
const unknownAction = (at: At, text: string): NftResult =>
  undecided(at, text) === 0 ? going(undefined) : { verdict: Verdict.DROP };

/** nft_meta_set_eval, nft_ct_set_eval. */
function setMeta({ skb }: At, target: (NftAction & { kind: 'set-meta' })['target'], value: number): void {
  const connection = skb.ct?.connection;
  switch (target) {
    case 'mark':
      skb.packet = { ...skb.packet, mark: value >>> 0 };
      return;
    case 'ct mark':
      if (connection) connection.mark = value >>> 0;
      return;
    default:
      setZone(skb, { id: value & 0xffff, original: target !== 'ct reply zone', reply: target !== 'ct original zone' });
  }
}

const HEADER_KEYS: Partial<Record<HeaderField, keyof Packet>> = {
  'ip ttl': 'ttl',
  'ip tos': 'tos',
  'ip6 hoplimit': 'ttl',
  'ip6 tclass': 'tos',
  'th sport': 'sport',
  'th dport': 'dport',
  'tcp flags': 'tcpFlags',
  'icmp type': 'icmpType',
  'icmp code': 'icmpCode',
  'icmp id': 'icmpId',
};

const DONT_FRAGMENT = 0x4000;

/** Frames in a bridge: where they are for is looked at after PREROUTING, and again where they come in next. */
function writeEther(skb: Skb, side: 'source' | 'target', value: Value): void {
  const text = String(scalarOf(value));
  const { question, leaving } = skb;
  if (leaving) leaving[side] = text;
  else if (side === 'source') skb.macSource = text;
  else skb.macTarget = text;
  if (!question) return;
  question.rewritten = true;
  if (side === 'target') delete question.group;
}

function writeArp(skb: Skb, arp: Arp, field: HeaderField, value: Value): void {
  const text = String(scalarOf(value));
  switch (field) {
    case 'arp saddr ip':
      skb.packet = { ...skb.packet, saddr: text };
      return;
    case 'arp daddr ip':
      skb.packet = { ...skb.packet, daddr: text };
      return;
    case 'arp saddr ether':
      skb.arp = { ...arp, sender: text };
      return;
    case 'arp daddr ether':
      skb.arp = { ...arp, target: text };
      return;
    default:
      throw new Error(`${field} cannot be written`);
  }
}

const ARP_WRITABLE: ReadonlySet<HeaderField> = new Set<HeaderField>([
  'arp saddr ip',
  'arp daddr ip',
  'arp saddr ether',
  'arp daddr ether',
]);

/** Fields that the machine keeps; frames have theirs in bridges alone. */
function isWritable({ place }: At, field: HeaderField): boolean {
  if (field === 'ether saddr' || field === 'ether daddr') return place.table.family === 'bridge';
  return field in HEADER_KEYS || field === 'ip frag-off' || ARP_WRITABLE.has(field) || /^ip6? [sd]addr$/.test(field);
}

/** nft_payload_set_eval. False: the packet has no such field, or nobody may write it here. */
function setHeader(at: At, { field, mask }: NftAction & { kind: 'set-header' }, scalar: Scalar): boolean {
  const before = loadKey(at, [{ field }]);
  if (before.kind !== 'values') return false;
  const [old] = before.values as [Value];
  const value = constant(scalar, old.type);
  if (!value) return false;
  const { packet, arp } = at.skb;
  if (field === 'ether saddr') writeEther(at.skb, 'source', value);
  else if (field === 'ether daddr') writeEther(at.skb, 'target', value);
  else if (arp) writeArp(at.skb, arp, field, value);
  else if (field === 'ip frag-off') {
    const bits = (mask ?? DONT_FRAGMENT) & DONT_FRAGMENT;
    if (bits !== 0) at.skb.packet = { ...packet, dontFragment: (Number(value.n) & bits) !== 0 };
  } else if (field === 'ip saddr' || field === 'ip6 saddr') at.skb.packet = { ...packet, saddr: addressText(value) };
  else if (field === 'ip daddr' || field === 'ip6 daddr') at.skb.packet = { ...packet, daddr: addressText(value) };
  else {
    const name = HEADER_KEYS[field];
    if (!name) throw new Error(`${field} cannot be written`);
    // What does not fit into the field is cut off.
    const width = field.startsWith('th ') || field === 'icmp id' ? 0xffff : 0xff;
    const bits = (mask ?? width) & width;
    at.skb.packet = { ...packet, [name]: ((Number(old.n) & ~bits) | (Number(value.n) & bits)) >>> 0 };
  }
  return true;
}

function natRange(
  { gives, random, randomFully, persistent, netmap }: NftAction & { kind: 'nat-to' },
  ranges: ValueRange[],
): NatRange {
  const range: NatRange = {};
  for (const [i, part] of gives.entries()) {
    const [from, to] = [firstOf(ranges[i]), lastOf(ranges[i])];
    if (part === 'address') range.addresses = { from: String(from), to: String(to) };
    else range.ports = { from: Number(from) & 0xffff, to: Number(to) & 0xffff };
  }
  if (random) range.random = true;
  if (randomFully) range.randomFully = true;
  if (persistent) range.persistent = true;
  if (netmap) range.netmap = true;
  return range;
}

/** Undefined: the rule is over. */
export function actNft(at: At, action: NftAction, run: RunStatements): NftResult | undefined {
  switch (action.kind) {
    case 'verdict-map': {
      const element = mapElement(at, action.key, action.map, run);
      return element && verdictOf(element.verdict, element);
    }
    case 'forward-to':
      return { verdict: Verdict.ACCEPT, device: action.device };
    case 'set-update': {
      const state = setState(at.host, at.place.table, action.set);
      const key = loadKey(at, action.key, state.set.type);
      if (key.kind === 'none') return undefined;
      // Who is in the set then, nobody knows.
      if (key.kind === 'unmodelled') return unknownAction(at, key.text);
      const data = action.data && dataOf(at, action.data, run);
      if (data?.kind === 'break') return undefined;
      if (data?.kind === 'unmodelled') return unknownAction(at, data.text);
      const { op, timeout } = action;
      const done = updateSet(at.run, state, { op, key: key.values, data: data?.ranges, timeout });
      return done ? going(undefined) : undefined;
    }
    case 'set-meta':
    case 'set-header':
    case 'nat-to': {
      if (action.kind === 'set-header' && !isWritable(at, action.field))
        return unknownAction(at, `${action.field} set`);
      const data = dataOf(at, action.value, run);
      if (data.kind === 'break') return undefined;
      if (data.kind === 'unmodelled') return unknownAction(at, data.text);
      const { element } = data;
      if (action.kind === 'nat-to')
        return {
          verdict: Verdict.ACCEPT,
          nat: { manip: action.nat, range: natRange(action, data.ranges) },
          ...(element ? { element } : {}),
        };
      if (action.kind === 'set-meta') setMeta(at, action.target, Number(firstOf(data.ranges[0])));
      else if (!setHeader(at, action, firstOf(data.ranges[0]))) return undefined;
      return going(element);
    }
  }
}
