import { formatAddress, formatPrefix, type IpPrefix, parseAddress } from '@podwire/engine';
import { expect, test } from 'vitest';
import { canonicalCIDR, covering, lastOf, nth, onePerFamily, overlaps, parseCIDR, piece } from './cidr.ts';

const cidr = (text: string): IpPrefix => parseCIDR(text) as IpPrefix;

test.each([
  ['10.244.0.0/16', 24, 0, '10.244.0.0/24'],
  ['10.244.0.0/16', 24, 255, '10.244.255.0/24'],
  ['10.244.0.0/16', 24, 256, undefined],
  ['10.0.0.0/8', 24, 300, '10.1.44.0/24'],
  ['fd00:10:244::/56', 64, 5, 'fd00:10:244:5::/64'],
  ['fd00:10:244::/56', 64, 256, undefined],
  ['fd00::/32', 64, 0x12345678, 'fd00:0:1234:5678::/64'],
  ['fd00::/120', 124, 3, 'fd00::30/124'],
  ['10.0.0.0/24', 16, 0, undefined],
])('%s in pieces of /%i: number %i is %s', (network, length, index, expected) => {
  const found = piece(cidr(network), length, index);
  expect(found && formatPrefix(found)).toBe(expected);
});

test.each([
  ['10.1.0.0/30', 1, '10.1.0.1'],
  ['10.1.0.0/30', 3, undefined],
  ['10.1.0.0/30', 4, undefined],
  ['10.1.0.0/31', 1, '10.1.0.1'],
  ['fd00::/126', 3, 'fd00::3'],
])('in %s address %i is %s: the broadcast address is not given out', (network, offset, expected) => {
  const found = nth(cidr(network), offset);
  expect(found && formatAddress(found)).toBe(expected);
});

test('the last address', () => {
  expect(formatAddress(lastOf(cidr('10.1.2.0/23')))).toBe('10.1.3.255');
  expect(formatAddress(lastOf(cidr('fd00::/64')))).toBe('fd00::ffff:ffff:ffff:ffff');
});

test.each([
  [['10.0.0.1', '10.0.0.200'], 24, '10.0.0.0/24'],
  [['10.0.0.1', '10.0.1.200'], 24, '10.0.0.0/23'],
  [['10.0.0.1', '172.16.0.1'], 24, '0.0.0.0/0'],
  [['fd00::1', 'fd00:0:0:8::1'], 64, 'fd00::/60'],
])('%s are covered by %s at most /%i', (addresses, longest, expected) => {
  const found = covering(
    addresses.flatMap((a) => parseAddress(a) ?? []),
    longest,
  );
  expect(found && formatPrefix(found)).toBe(expected);
});

test('ranges overlap when one holds the other, families never do', () => {
  expect(overlaps(cidr('10.0.0.0/8'), cidr('10.5.0.0/16'))).toBe(true);
  expect(overlaps(cidr('10.5.0.0/16'), cidr('10.0.0.0/8'))).toBe(true);
  expect(overlaps(cidr('10.5.0.0/16'), cidr('10.6.0.0/16'))).toBe(false);
  expect(overlaps(cidr('::/0'), cidr('10.6.0.0/16'))).toBe(false);
});

test('host bits are cleared, a bare address is no range', () => {
  expect(canonicalCIDR('10.244.1.7/16')).toBe('10.244.0.0/16');
  expect(canonicalCIDR('10.244.1.7')).toBeUndefined();
  expect(onePerFamily(['fd00::/56', '10.0.0.0/8', '10.1.0.0/16', 'junk'])).toEqual(['fd00::/56', '10.0.0.0/8']);
});
