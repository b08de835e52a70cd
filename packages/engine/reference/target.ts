/** One case per kind of `Action`; each follows the kernel function it names. */
import {
  type Action,
  ChoiceKind,
  formatAddress,
  Hook,
  type IpAddress,
  type IptablesAction,
  type NatRange,
  type NftElement,
  type PlainAction,
  Reason,
  Verdict,
  type Words,
} from '../src/index.ts';
import { addressOf, isUnspecified } from './addresses.ts';
import type { Place } from './chain.ts';
import { choose } from './choice.ts';
import { OF_UNTRACKED, setZone, UNTRACKED_BY_RULE } from './conntrack.ts';
import { giveHelper } from './helpers.ts';
import { entryFor } from './match-set.ts';
import { manipOf, setUpNat } from './nat.ts';
import type { Range } from './nat-tuple.ts';
import { rejectReply } from './reject.ts';
import { nexthopOf } from './route.ts';
import { sourceFor } from './source-address.ts';
import type { Device, Host, Reply, Run, SetState, Skb } from './state.ts';

export interface ActionResult {
  verdict: Verdict;
  target?: string;
  reply?: Reply | undefined;
  reason?: Reason;
  /** The element of a set or map that it found. */
  element?: NftElement;
  /** The device that it leaves by at once. */
  device?: string;
}

const CONTINUE: ActionResult = { verdict: Verdict.CONTINUE };

const rangeOf = (range: NatRange, address?: string): Range => {
  const addresses = address === undefined ? range.addresses : { from: address, to: address };
  return {
    ...(addresses ? { addresses } : {}),
    ...(range.ports ? { ports: range.ports } : {}),
    random: range.random === true || range.randomFully === true,
    persistent: range.persistent === true,
  };
};

/** One network for another: the packet keeps the bits in which the ends of the range differ (nft_nat_setup_netmap, netmap_tg4). */
function mapNetwork({ from, to }: { from: string; to: string }, own: string): { from: string; to: string } {
  const [first, last, address] = [from, to, own].map(addressOf) as [IpAddress, IpAddress, IpAddress];
  const words = first.words.map((word, i) => {
    const open = word ^ (last.words[i] as number);
    return (((address.words[i] as number) & open) | (word & ~open)) >>> 0;
  });
  const text = formatAddress({ family: first.family, words: words as unknown as Words });
  return { from: text, to: text };
}

/** A NAT verdict accepts; without a connection to bind it does nothing else. */
function bind(host: Host, skb: Skb, hook: Hook, given: Range, netmap?: boolean): ActionResult {
  const connection = skb.ct?.connection;
  if (!connection) return { verdict: Verdict.ACCEPT };
  const manip = manipOf(hook);
  const own = manip === 'src' ? skb.packet.saddr : skb.packet.daddr;
  const range = netmap && given.addresses ? { ...given, addresses: mapNetwork(given.addresses, own) } : given;
  setUpNat(host, connection, range, manip);
  return { verdict: Verdict.ACCEPT };
}

/** nf_nat_masquerade_ipv4, nf_nat_masquerade_ipv6 (net/netfilter/nf_nat_masquerade.c). */
function masquerade(host: Host, skb: Skb, hook: Hook, range: NatRange): ActionResult {
  const connection = skb.ct?.connection;
  if (!connection || !skb.outdev) return { verdict: Verdict.ACCEPT };
  if (skb.packet.family === 4 && isUnspecified(connection.tuples[0].saddr)) return { verdict: Verdict.ACCEPT };
  const source = sourceFor(host, skb.packet.family, skb.outdev, nexthopOf(skb), skb.packet.daddr);
  if (source === undefined) return { verdict: Verdict.DROP, reason: Reason.NO_SOURCE_ADDRESS };
  return bind(host, skb, hook, rangeOf(range, source));
}

/** An IPv6 address has to be of the destination's scope where that is not global (nf_nat_redirect_ipv6_usable). */
function redirectAddress(skb: Skb, device: Device): string | undefined {
  const { family, daddr } = skb.packet;
  const linkLocal = /^fe[89ab]/;
  return device.addresses.find(
    ({ prefix, text, secondary }) =>
      prefix.family === family &&
      (family === 4 ? !secondary : !linkLocal.test(daddr) || linkLocal.test(text)) &&
      !text.startsWith('::ffff:'),
  )?.text;
}

/** nf_nat_redirect_ipv4, nf_nat_redirect_ipv6 (net/netfilter/nf_nat_redirect.c). */
function redirect(host: Host, skb: Skb, hook: Hook, range: NatRange): ActionResult {
  const loopback = skb.packet.family === 4 ? '127.0.0.1' : '::1';
  const address = hook === Hook.OUTPUT ? loopback : skb.indev && redirectAddress(skb, skb.indev);
  if (address === undefined) return { verdict: Verdict.DROP, reason: Reason.NO_SOURCE_ADDRESS };
  return bind(host, skb, hook, rangeOf(range, address));
}

/** The NAT statements of both tools. */
export function translateBy(
  host: Host,
  skb: Skb,
  { hook, table }: Place,
  nat: 'dnat' | 'snat' | 'masquerade' | 'redirect',
  range: NatRange,
): ActionResult {
  const { addresses } = range;
  // In a table of both families a rule with an address is one for its family (nft_nat_inet_eval).
  if (addresses && table.family === 'inet' && addressOf(addresses.from).family !== skb.packet.family) return CONTINUE;
  if (nat === 'masquerade') return masquerade(host, skb, hook, range);
  if (nat === 'redirect') return redirect(host, skb, hook, range);
  return bind(host, skb, hook, rangeOf(range), range.netmap);
}

/** xt_set target: adding what is there, or removing what is not, changes nothing. */
function changeSet(run: Run, host: Host, skb: Skb, action: Action & { kind: 'set-add' | 'set-del' }): void {
  const state = host.sets.get(action.set) as SetState;
  const now = run.world.clockMs;
  const value = entryFor(state, skb, action.flags, now);
  if (!value) return;
  if (action.kind === 'set-del') {
    state.entries.delete(value);
    return;
  }
  const present = state.entries.get(value);
  const live = present && (present.expires === undefined || present.expires > now);
  if (live && !action.exist) return;
  const timeout = action.timeout ?? Number(/\btimeout (\d+)/.exec(state.set.options ?? '')?.[1] ?? 0);
  state.entries.delete(value);
  state.entries.set(value, { value, nomatch: false, ...(timeout > 0 ? { expires: now + timeout * 1000 } : {}) });
}

/** connmark_tg_shift (net/netfilter/xt_connmark.c). */
const shifted = (mark: number, shift = 0): number => (shift < 0 ? mark << -shift : (mark >>> 0) >>> shift) >>> 0;

function setMark(skb: Skb, mark: number): void {
  skb.packet = { ...skb.packet, mark: mark >>> 0 };
}

/** True for the first alternative. */
function undecided(run: Run, host: Host, { table, chain, index }: Place, text: string): boolean {
  const rule = { table, chain, index };
  return choose(run, { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name, rule, text }) === 0;
}

export function act(
  run: Run,
  host: Host,
  skb: Skb,
  place: Place,
  action: Extract<PlainAction, IptablesAction>,
): ActionResult {
  const connection = skb.ct?.connection;
  switch (action.kind) {
    case 'accept':
      return { verdict: Verdict.ACCEPT };
    case 'drop':
      return { verdict: Verdict.DROP };
    case 'return':
      return { verdict: Verdict.RETURN };
    case 'jump':
      return { verdict: Verdict.JUMP, target: action.chain };
    case 'goto':
      return { verdict: Verdict.GOTO, target: action.chain };
    case 'reject': {
      return { verdict: Verdict.REJECT, reply: rejectReply(skb, action.with) };
    }
    case 'set-mark':
      setMark(skb, (skb.packet.mark & ~action.mask) ^ action.value);
      return CONTINUE;
    case 'set-connmark':
      if (connection) connection.mark = shifted((connection.mark & ~action.mask) ^ action.value, action.shift);
      return CONTINUE;
    case 'save-mark':
      if (connection)
        connection.mark =
          ((connection.mark & ~action.ctmask) ^ shifted(skb.packet.mark & action.nfmask, action.shift)) >>> 0;
      return CONTINUE;
    case 'restore-mark':
      if (connection)
        setMark(skb, (skb.packet.mark & ~action.nfmask) ^ shifted(connection.mark & action.ctmask, action.shift));
      return CONTINUE;
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return translateBy(host, skb, place, action.kind, action.range);
    case 'notrack':
      if ((!skb.ct || (action.native && skb.ct === OF_UNTRACKED)) && !skb.zone && skb.helper === undefined)
        skb.ct = UNTRACKED_BY_RULE;
      return CONTINUE;
    case 'ct-zone': {
      const { zone: id, direction } = action;
      const zone = { id, original: direction !== 'REPLY', reply: direction !== 'ORIGINAL' };
      if (action.native) setZone(skb, zone);
      else if (!skb.ct && !skb.zone && skb.helper === undefined) skb.zone = zone;
      return CONTINUE;
    }
    case 'ct-helper':
      giveHelper(skb, action);
      return CONTINUE;
    case 'set-add':
    case 'set-del':
      changeSet(run, host, skb, action);
      return CONTINUE;
    case 'note':
      return CONTINUE;
    case 'queue':
      return { verdict: undecided(run, host, place, action.text) ? Verdict.ACCEPT : Verdict.DROP };
    case 'unmodelled-target':
      return undecided(run, host, place, action.text) ? CONTINUE : { verdict: Verdict.DROP };
  }
}
