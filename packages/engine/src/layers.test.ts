import { expect, test } from 'vitest';
import { EngineError } from './errors.ts';
import { checkLayers } from './layers.ts';
import type { Netns, RouteTable } from './network.ts';
import type { Table } from './rule.ts';

const netns = (tables: RouteTable[], netfilter: Table[]): Netns => ({
  name: 'n',
  links: [],
  addresses: [],
  tables,
  sysctls: {},
  netfilter,
});

test('tables that stand on themselves are refused, of routes and of chains, at once and by a detour', () => {
  const routes: RouteTable = { id: 254, routes: [] };
  routes.base = routes;
  expect(() => checkLayers([netns([routes], [])])).toThrow(EngineError);
  const low: Table = { family: 'ip', name: 'filter', chains: [] };
  const high: Table = { ...low, base: { ...low, base: low } };
  low.base = high;
  expect(() => checkLayers([netns([], [{ ...low, base: high }])])).toThrow(EngineError);
});

test('what is shared is no circle', () => {
  const shared: Table = { family: 'ip', name: 'filter', chains: [] };
  const own = (): Table => ({ ...shared, base: shared });
  checkLayers([netns([], [own(), own()]), netns([], [own(), shared])]);
});
