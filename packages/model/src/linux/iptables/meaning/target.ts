/** Targets that are kept as text, in the actions that the machine knows. Each row names the kernel's function. */
import type { Action, HeaderField, NftElement } from '@podwire/engine';
import { networkEnds } from '../base/address.ts';
import type { Context, IpFamily } from '../base/extension.ts';
import { parseNumber, valueAndMask } from '../base/numbers.ts';
import { firstOf, optionsOf, type TextOption } from '../base/text-options.ts';

interface Asked {
  text: string;
  options: readonly TextOption[];
  family: IpFamily;
  /** The rule's chain, as far as known. */
  chain: string | undefined;
}

/** Undefined: nothing of it is known. */
type Meaning = (asked: Asked) => Action | Action[] | undefined;

const tosField = (family: IpFamily): HeaderField => (family === 'ip' ? 'ip tos' : 'ip6 tclass');
const numberOf = ({ options }: Asked, name: string): number | undefined => parseNumber(firstOf(options, name) ?? '');

const write = (field: HeaderField, value: number, mask?: number): Action => ({
  kind: 'set-header',
  field,
  ...(mask !== undefined && { mask }),
  value: { kind: 'value', values: [value] },
});

const HIGHEST = 255;

/** One more or less, to the end of the field: each value has its own. */
function moved(field: HeaderField, by: number): Action {
  const elements: NftElement[] = Array.from({ length: HIGHEST + 1 }, (_, value) => ({
    key: [value],
    data: [Math.min(HIGHEST, Math.max(0, value + by))],
  }));
  return {
    kind: 'set-header',
    field,
    value: { kind: 'map', key: [{ field }], map: { type: ['integer'], data: ['integer'], elements } },
  };
}

/** ttl_tg, hl_tg6 (xt_HL.c). */
const hops =
  (name: 'ttl' | 'hl', field: HeaderField): Meaning =>
  (asked) => {
    const [set, down, up] = ['set', 'dec', 'inc'].map((how) => numberOf(asked, `${name}-${how}`));
    if (set !== undefined) return write(field, set);
    if (down !== undefined) return moved(field, -down);
    return up === undefined ? undefined : moved(field, up);
  };

/** dscp_tg (xt_DSCP.c). */
const dscp: Meaning = (asked) => {
  const value = numberOf(asked, 'set-dscp');
  return value === undefined ? undefined : write(tosField(asked.family), value << 2, 0xfc);
};

/** tos_tg (xt_DSCP.c): (tos & ~mask) ^ value. */
const tos: Meaning = (asked) => {
  const { value, mask = 0xff } = valueAndMask('set-tos', firstOf(asked.options, 'set-tos') ?? '');
  const field = tosField(asked.family);
  const bits = { mask: ~mask & 0xff, ...(value !== 0 && { xor: value }) };
  return { kind: 'set-header', field, value: { kind: 'selectors', key: [{ field, ...bits }] } };
};

const ECE = 0x40;
const CWR = 0x80;

/** ecn_tg (ipt_ECN.c). */
const ecn: Meaning = (asked) => {
  const [ect, ece, cwr] = ['ecn-ip-ect', 'ecn-tcp-ece', 'ecn-tcp-cwr'].map((name) => numberOf(asked, name));
  const removes = asked.options.some(({ name }) => name === 'ecn-tcp-remove');
  return [
    ...(ect === undefined ? [] : [write('ip tos', ect, 3)]),
    ...(removes ? [write('tcp flags', 0, ECE | CWR)] : []),
    ...(ece === undefined ? [] : [write('tcp flags', ece ? ECE : 0, ECE)]),
    ...(cwr === undefined ? [] : [write('tcp flags', cwr ? CWR : 0, CWR)]),
  ];
};

/** What packets carry of TCP's options decides nothing (xt_TCPOPTSTRIP.c). */
const note: Meaning = ({ text }) => ({ kind: 'note', text });

/** nfqueue_tg (xt_NFQUEUE.c): the packet's fate is a program's. */
const queue: Meaning = ({ text }) => ({ kind: 'queue', text });

const SOURCE_CHAINS = ['POSTROUTING', 'INPUT'];

/** netmap_tg4, netmap_tg6 (xt_NETMAP.c): which side changes is the hook's business, whatever the action is called. */
const netmap: Meaning = ({ options, family, chain }) => ({
  kind: SOURCE_CHAINS.includes(chain ?? '') ? 'snat' : 'dnat',
  range: { addresses: networkEnds(family, firstOf(options, 'to') ?? ''), netmap: true },
});

const MEANINGS: Readonly<Record<string, Meaning>> = {
  TTL: hops('ttl', 'ip ttl'),
  HL: hops('hl', 'ip6 hoplimit'),
  DSCP: dscp,
  TOS: tos,
  ECN: ecn,
  TCPOPTSTRIP: note,
  NETMAP: netmap,
  NFQUEUE: queue,
  QUEUE: queue,
};

/** Those that the machine has itself. */
const OWN: ReadonlySet<Action['kind']> = new Set<Action['kind']>(['note', 'queue', 'dnat', 'snat']);

/** The target `text` in other words; the target itself where there are none. */
export function targetMeaning(action: Action, { family, place }: Context): Action {
  if (action.kind !== 'unmodelled-target') return action;
  const { text } = action;
  const { name, options } = optionsOf(text);
  const meant = Object.hasOwn(MEANINGS, name)
    ? MEANINGS[name]?.({ text, options, family, chain: place.chain })
    : undefined;
  if (meant === undefined) return action;
  if (!Array.isArray(meant) && OWN.has(meant.kind)) return meant;
  return { kind: 'extension-target', text, actions: [meant].flat() };
}
