import { describe, expect, test } from 'vitest';
import { beside, flatAddresses, flatNeighbors, flatRoutes } from './listing-ip.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const loaded = (before: string, after: string): string => `${before}== loaded ==\n${after}`;

describe('a listing beside what was loaded', () => {
  test('has all of it, and what was there before', () => {
    expect(beside(['b', 'a'], loaded('lo\n', 'lo\na\nb\n'), lines)).toBeUndefined();
  });

  test('lacks a line, or has one more', () => {
    expect(beside(['eth0 mtu 9000'], loaded('', 'eth0 mtu 1500\n'), lines)).toBe(
      '"eth0 mtu 9000" is not listed, but "eth0 mtu 1500"',
    );
    expect(beside(['a'], loaded('', 'a\nb\n'), lines)).toBe('"b" is listed, too');
  });
});

describe('what runs by itself is no difference', () => {
  test('carriers and times of routes, but not their nexthops', () => {
    const text = 'default proto ra metric 100 expires 30sec \n\tnexthop via fe80::1 dev eth0 weight 1 linkdown \n';
    expect(flatRoutes(text)).toBe('default proto ra metric 100 nexthop via fe80::1 dev eth0 weight 1');
  });

  test('the state of a neighbour that was heard of, but not that it failed', () => {
    expect(flatNeighbors('10.0.0.1 dev e lladdr 02:00:00:00:00:01 STALE \n10.0.0.2 dev e FAILED \n')).toEqual([
      '10.0.0.1 dev e lladdr 02:00:00:00:00:01 learnt',
      '10.0.0.2 dev e FAILED',
    ]);
  });

  test('numbers and flags of links, but not their MTU, address and addresses', () => {
    const text =
      '7: e@if3: <UP> mtu 1400 qdisc fq\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n    inet 10.0.0.1/24 scope global dynamic e\n       valid_lft 7sec preferred_lft 7sec\n';
    expect(flatAddresses(text)).toEqual(['e mtu 1400', 'e 02:00:00:00:00:01', 'e inet 10.0.0.1/24 scope global e']);
  });
});
