/** Where base chains of nftables stand among the built-in chains of iptables. */
import type { NftChain } from '../../nft/syntax.ts';

export interface Slot {
  table: string;
  chain: string;
  /** Others stand in the same place: the built-in chain calls one after the other. */
  shared?: true;
}

const CONNTRACK = -200;
const NAT: Readonly<Record<string, number>> = { prerouting: -100, output: -100, input: 100, postrouting: 100 };

/** Of each hook, the tables that stand before connection tracking, before NAT and behind it, with their priorities. */
const SLOTS: Readonly<Record<string, readonly (readonly [table: string, priority: number])[]>> = {
  prerouting: [
    ['raw', -300],
    ['mangle', -150],
  ],
  input: [
    ['mangle', -150],
    ['filter', 0],
    ['security', 50],
  ],
  forward: [
    ['mangle', -150],
    ['filter', 0],
    ['security', 50],
  ],
  output: [
    ['raw', -300],
    ['mangle', -150],
    ['filter', 0],
    ['security', 50],
  ],
  postrouting: [['mangle', -150]],
};

/** 0 before connection tracking, 1 before NAT, 2 behind it. */
function part(hook: string, priority: number): number {
  if ((hook === 'prerouting' || hook === 'output') && priority < CONNTRACK) return 0;
  const nat = NAT[hook];
  return nat === undefined || priority < nat ? 1 : 2;
}

/**
 * The order among chains of one hook is kept; chains with nothing between them may take any of their tables. Text: why there is no place.
 * `accepts`: a packet may leave the chain before its end without being lost, so that nothing of another chain may stand behind it.
 */
export function placeChains(
  bases: readonly NftChain[],
  accepts: (chain: NftChain) => boolean,
): Map<NftChain, Slot | string> {
  const found = new Map<NftChain, Slot | string>();
  for (const hook of new Set(bases.map((chain) => chain.hook ?? ''))) {
    const here = bases.filter((chain) => chain.hook === hook);
    const nats = here.filter(({ type }) => type === 'nat');
    if (NAT[hook] === undefined) for (const chain of nats) found.set(chain, `iptables has no hook ${hook}`);
    else share('nat', hook, nats, accepts, found);
    placeOthers(
      hook,
      here.filter(({ type }) => type !== 'nat'),
      accepts,
      found,
    );
  }
  return found;
}

/** Several chains in one place: each but the last must let every packet come to its end. */
function share(
  table: string,
  hook: string,
  chains: readonly NftChain[],
  accepts: (chain: NftChain) => boolean,
  found: Map<NftChain, Slot | string>,
): void {
  const ordered = inOrder(chains);
  const chain = hook.toUpperCase();
  const early = ordered.findIndex((one, i) => i < ordered.length - 1 && (accepts(one) || one.policy === 'drop'));
  ordered.forEach((one, i) => {
    if (early >= 0 && i > early)
      found.set(
        one,
        `iptables has one chain ${table} ${chain}, and chain ${ordered[early]?.name} before it ends for packets that it accepts`,
      );
    else found.set(one, { table, chain, ...(ordered.length > 1 && { shared: true }) });
  });
}

/** By priority; of equals, the one made last runs first (nf_hook_entries_grow). */
const inOrder = (chains: readonly NftChain[]): NftChain[] =>
  [...chains].reverse().sort((a, b) => (a.prio ?? 0) - (b.prio ?? 0));

/** Chains of one part of a hook in as many tables as there are, in order; those for which none is left share the last. */
function placeOthers(
  hook: string,
  chains: readonly NftChain[],
  accepts: (chain: NftChain) => boolean,
  found: Map<NftChain, Slot | string>,
): void {
  const slots = SLOTS[hook];
  const ordered = inOrder(chains);
  for (const own of [0, 1, 2]) {
    const here = ordered.filter(({ prio = 0 }) => part(hook, prio) === own);
    const free = (slots ?? []).filter(([, priority]) => part(hook, priority) === own);
    const groups = new Map<string, NftChain[]>();
    let at = 0;
    here.forEach((chain, i) => {
      // Only mangle OUTPUT looks for a way again.
      const fits = ([table]: readonly [string, number]) =>
        hook !== 'output' || (chain.type === 'route') === (table === 'mangle');
      const left = here.length - 1 - i;
      const before = i > 0 ? here[i - 1] : undefined;
      const joins = before !== undefined && at > 0 && before.policy !== 'drop' && !accepts(before);
      const exact = free.findIndex((slot, n) => n >= at && fits(slot) && slot[1] === (chain.prio ?? 0));
      const usual = free.findIndex((slot, n) => n >= at && fits(slot) && slot[0] === 'filter');
      const first = free.findIndex((slot, n) => n >= at && fits(slot));
      const wanted = exact >= 0 ? exact : usual >= 0 ? usual : first;
      // Those that come behind need places, too.
      const chosen = wanted < 0 ? wanted : Math.max(first, Math.min(wanted, Math.max(first, free.length - 1 - left)));
      // What lets every packet come to its end leaves room behind it.
      const slot = joins && exact < 0 && free[at - 1] ? free[at - 1] : free[chosen];
      if (!slot || !fits(slot)) {
        const where = ['before connection tracking', 'before NAT', 'behind NAT'][own];
        found.set(chain, `iptables has no chain ${where} at ${hook} for it`);
        return;
      }
      at = Math.min(free.indexOf(slot) + 1, free.length);
      groups.set(slot[0], [...(groups.get(slot[0]) ?? []), chain]);
    });
    for (const [table, group] of groups) share(table, hook, group, accepts, found);
  }
}
