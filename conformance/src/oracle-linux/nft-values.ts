/** Values that nftables' rules compare with: those that packets have, in groups of which no two overlap, so that any choice makes a set. */
import type { Family } from '@podwire/engine';
import type { NftExpression } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Plan } from './topology.ts';
import { MARKS } from './values.ts';

/** Single values, and one value that covers them all. */
export interface Group {
  singles: NftExpression[];
  wide?: NftExpression;
}

/** What a selector's values are called where a set is declared; absent: only `typeof` says it. */
export interface Values {
  type?: string;
  groups: Group[];
  /** Values that ends of a relation `<` or `>` may have. */
  ordered?: boolean;
}

const range = (from: NftExpression, to: NftExpression): NftExpression => ({ range: [from, to] });

const singly = (values: readonly NftExpression[]): Group[] => values.map((value) => ({ singles: [value] }));

const numbers = (groups: readonly (readonly number[])[]): Group[] =>
  groups.map((singles) => {
    const [from = 0] = singles;
    const to = singles.at(-1) ?? 0;
    return { singles: [...singles], ...(from < to && { wide: range(from, to) }) };
  });

const V4 = /^(\d+\.\d+\.\d+)\./;

const subnetOf = (address: string, family: Family): string =>
  family === 4 ? `${V4.exec(address)?.[1]}.0` : `${address.split('::')[0]}::`;

const rangeIn = (subnet: string, family: Family): NftExpression =>
  family === 4 ? range(subnet.replace(/0$/, '1'), subnet.replace(/0$/, '100')) : range(`${subnet}1`, `${subnet}100`);

/** By subnet. */
export function addresses(r: Random, plan: Plan, family: Family): Values {
  const bySubnet = new Map<string, string[]>();
  for (const address of [...plan.addresses[family], ...plan.strangers[family]]) {
    const subnet = subnetOf(address, family);
    bySubnet.set(subnet, [...new Set([...(bySubnet.get(subnet) ?? []), address])]);
  }
  const groups = [...bySubnet].map(([subnet, singles]): Group => {
    const isWhole = r.chance(0.6);
    return {
      singles,
      wide: isWhole ? { prefix: { addr: subnet, len: family === 4 ? 24 : 64 } } : rangeIn(subnet, family),
    };
  });
  return { type: family === 4 ? 'ipv4_addr' : 'ipv6_addr', groups, ordered: true };
}

export const PORT_VALUES: Values = {
  type: 'inet_service',
  groups: [
    { singles: [22, 53], wide: range(20, 60) },
    { singles: [80, 443], wide: range(80, 500) },
    { singles: [8080], wide: range(8000, 8999) },
    { singles: [30080], wide: range(30000, 32767) },
    { singles: [40000, 40001, 40002], wide: range(40000, 40001) },
  ],
  ordered: true,
};

export const MARK_VALUES: Values = {
  type: 'mark',
  groups: numbers([[0, 1, 2], [4], MARKS.filter((mark) => mark > 4)]),
  ordered: true,
};

export const integers = (groups: readonly (readonly number[])[], type?: string): Values => ({
  ...(type !== undefined && { type }),
  groups: numbers(groups),
  ordered: true,
});

export const words = (values: readonly NftExpression[], type?: string): Values => ({
  ...(type !== undefined && { type }),
  groups: singly(values),
});

export const anyValue = (r: Random, { groups }: Values): NftExpression => r.pick(r.pick(groups).singles);

/** A range or prefix, where there are some. */
export function wideValue(r: Random, { groups }: Values): NftExpression | undefined {
  const wide = groups.flatMap((group) => (group.wide === undefined ? [] : [group.wide]));
  return wide.length === 0 ? undefined : r.pick(wide);
}

/** Up to `count` values that do not overlap. Several flags at once are no element. */
export function someValues(r: Random, { groups }: Values, count: number, intervals: boolean): NftExpression[] {
  const found: NftExpression[] = [];
  const elements = groups
    .map(({ singles, wide }) => ({ singles: singles.filter((value) => !Array.isArray(value)), wide }))
    .filter(({ singles }) => singles.length > 0);
  for (const { singles, wide } of r.some(elements, count)) {
    if (intervals && wide !== undefined && r.chance(0.5)) found.push(wide);
    else found.push(...r.some(singles, r.between(1, 2)));
  }
  return found.slice(0, count);
}
