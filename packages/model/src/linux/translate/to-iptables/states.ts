/** `ct state`, `ct status`: sets of bits, which iptables names in two options. */

import type { NftExpression } from '../../nft/syntax.ts';
import { types } from '../../nft/tables/datatypes.ts';
import { constantNumber } from '../../nft-compile/read.ts';
import { lacks } from './head.ts';
import type { Asked } from './tests.ts';

const STATES: readonly (readonly [bigint, string])[] = [
  [1n, 'INVALID'],
  [2n, 'ESTABLISHED'],
  [4n, 'RELATED'],
  [8n, 'NEW'],
  [64n, 'UNTRACKED'],
];
/** As --ctstatus names them. */
const STATUSES: readonly (readonly [bigint, string])[] = [
  [1n, 'EXPECTED'],
  [2n, 'SEEN_REPLY'],
  [4n, 'ASSURED'],
  [8n, 'CONFIRMED'],
];
/** Statuses that --ctstate names. */
const NATED: readonly (readonly [bigint, string])[] = [
  [16n, 'SNAT'],
  [32n, 'DNAT'],
];

/** Names of all of the bits; undefined where one has none. */
function names(bits: bigint, table: readonly (readonly [bigint, string])[]): string | undefined {
  const found = table.filter(([bit]) => bits & bit);
  const known = found.reduce((sum, [bit]) => sum | bit, 0n);
  return known === bits && bits !== 0n ? found.map(([, name]) => name).join(',') : undefined;
}

const test = (option: string, value: string, not: boolean): Asked => ({
  any: [[{ words: ['-m', 'conntrack', ...(not ? ['!'] : []), `--${option}`, value], reads: 'state' }]],
});

/** A connection has one state: any of several bits is one of several values. */
function bitsOf(values: readonly NftExpression[], type: typeof types.ctState): bigint {
  return values.reduce<bigint>((sum, value) => {
    const number = constantNumber(value, type);
    return number === undefined ? lacks(JSON.stringify(value)) : sum | number;
  }, 0n);
}

/** Undefined where neither is asked for. */
export function stateTest(
  node: NftExpression,
  mask: NftExpression | undefined,
  values: readonly NftExpression[],
  not: boolean,
): Asked | undefined {
  const key = typeof node === 'object' && !Array.isArray(node) && 'ct' in node ? node.ct.key : undefined;
  if (key !== 'state' && key !== 'status') return undefined;
  if (mask !== undefined) return lacks(`ct ${key} & ${JSON.stringify(mask)}`);
  const bits = bitsOf(values, key === 'state' ? types.ctState : types.ctStatus);
  if (key === 'state') return test('ctstate', names(bits, STATES) ?? lacks('ct state'), not);
  const plain = names(bits, STATUSES);
  if (plain !== undefined) return test('ctstatus', plain, not);
  return test('ctstate', names(bits, NATED) ?? lacks(`ct status ${bits}`), not);
}
