/** Random tests of nftables: a selector against a value, a range, a prefix, flags, bits, a set in the rule or a named one. */
import type { NftExpression, NftMatch, NftOperator, NftStatement } from '@podwire/model';
import { anyRead, frameRead, meta, type Read, type Spot, someReads, transportTest } from './nft-selectors.ts';
import { keyFor, type Named, someKeys } from './nft-sets.ts';
import { anyValue, someValues, wideValue } from './nft-values.ts';

/** A spot with the named sets of its table. */
export interface RuleSpot extends Spot {
  sets: readonly Named[];
}

const match = (op: NftOperator, left: NftExpression, right: NftExpression): NftMatch => ({
  match: { op, left, right },
});

const FLAGS = new Set(['tcp_flag', 'ct_state', 'ct_status']);

type Form = (spot: RuleSpot, read: Read) => NftMatch | undefined;

const isFlags = ({ values }: Read) => FLAGS.has(values.type ?? '');

const single: Form = ({ r }, read) => {
  const op = isFlags(read) ? r.pick<NftOperator>(['in', '==', '!=']) : r.chance(0.75) ? '==' : '!=';
  return match(op, read.expr, anyValue(r, read.values));
};

const wide: Form = ({ r }, { expr, values }) => {
  const value = wideValue(r, values);
  return value === undefined ? undefined : match(r.chance(0.75) ? '==' : '!=', expr, value);
};

/** nft writes a set of one value as that value. */
const within: Form = ({ r }, { expr, values, plain }) => {
  if (plain) return undefined;
  const found = someValues(r, values, r.between(2, 4), true);
  return match(r.chance(0.7) ? '==' : '!=', expr, found.length === 1 ? (found[0] as NftExpression) : { set: found });
};

/** Of `>=` and a `<=` behind it, or `<` and a `>`, nft 1.0.6 lists a range, whatever they test: no rule has both. */
const ordered: Form = ({ r, version }, { expr, values }) =>
  values.ordered
    ? match(r.pick<NftOperator>(version === 4 ? ['<', '>='] : ['>', '<=']), expr, anyValue(r, values))
    : undefined;

const masked: Form = (spot, { expr, values, masks }) => {
  const { r } = spot;
  if (masks) {
    const mask = r.pick(masks);
    const value = Number(anyValue(r, values)) & mask;
    return match(r.chance(0.7) ? '==' : '!=', { '&': [expr, mask] }, value);
  }
  if (values.type === 'ipv4_addr') return match('==', { '&': [expr, '255.0.0.255'] }, `10.0.0.${r.between(1, 3)}`);
  if (values.type === 'tcp_flag') {
    const flags = r.pick([
      ['syn', 'ack'],
      ['fin', 'syn', 'rst', 'ack'],
      ['fin', 'rst'],
    ]);
    return match(r.chance(0.7) ? '==' : '!=', { '&': [expr, flags] }, r.pick(flags));
  }
  return undefined;
};

/** Any of several flags, or none. */
const flagged: Form = ({ r }, read) => {
  if (!isFlags(read) || read.values.type === 'tcp_flag') return undefined;
  return match(r.chance(0.8) ? 'in' : '!', read.expr, someValues(r, read.values, r.between(1, 3), false));
};

const concatenated: Form = (spot, first) => {
  const { r } = spot;
  const reads = [first, ...someReads(spot, r.between(1, 2))];
  if (first.alone || first.plain || reads.some((read) => read.values.type === undefined && r.chance(0.5)))
    return undefined;
  const keys = someKeys(
    r,
    reads.map(({ values }) => values),
    r.between(2, 4),
    r.chance(0.4),
  );
  return match(r.chance(0.75) ? '==' : '!=', { concat: reads.map(({ expr }) => expr) }, { set: keys });
};

const FORMS: readonly (readonly [weight: number, form: Form])[] = [
  [4, single],
  [2, wide],
  [3, within],
  [1, ordered],
  [2, masked],
  [2, flagged],
  [2, concatenated],
];

function inNamed(spot: RuleSpot): NftMatch | undefined {
  const { r, sets } = spot;
  const fitting = sets.filter(({ data }) => data === undefined);
  if (fitting.length === 0) return undefined;
  const set = r.pick(fitting);
  const key = keyFor(spot, set);
  return key === undefined ? undefined : match(r.chance(0.7) ? '==' : '!=', key, `@${set.name}`);
}

export function anyMatch(spot: RuleSpot): NftMatch {
  const { r } = spot;
  const named = r.chance(0.25) ? inNamed(spot) : undefined;
  if (named) return named;
  for (;;) {
    const form = r.pick(FORMS.flatMap(([weight, one]) => Array<Form>(weight).fill(one)));
    const made = form(spot, anyRead(spot));
    if (made) return made;
  }
}

/** A test of the frame's own addresses. */
export function frameMatch(spot: RuleSpot): NftMatch {
  const read = frameRead(spot);
  for (;;) {
    const made = spot.r.pick([single, within])(spot, read);
    if (made) return made;
  }
}

/** The test of the protocol that later statements of the rule rely on. */
export function protocolTest(spot: Spot): NftStatement[] {
  const wanted = transportTest(spot);
  return wanted === undefined ? [] : [match('==', meta('l4proto'), wanted)];
}
