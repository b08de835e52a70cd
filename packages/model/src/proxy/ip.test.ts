import { describe, expect, it } from 'vitest';
import { canonicalIP, canonicalIPOf, joinHostPort, parseCIDR } from './ip.ts';

describe('addresses as Go reads and prints them', () => {
  it.each([
    ['172.30.0.041', '172.30.0.41'],
    ['010.000.0.1', '10.0.0.1'],
    ['10.0.0.255', '10.0.0.255'],
    ['10.0.0.256', undefined],
    ['10.0.0', undefined],
    ['FD00:10:0:0::7', 'fd00:10::7'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['', undefined],
    ['None', undefined],
  ])('%s is %s', (text, expected) => {
    expect(canonicalIP(text)).toBe(expected);
  });

  it('tells families apart', () => {
    expect(canonicalIPOf('IPv4', '10.0.0.1')).toBe('10.0.0.1');
    expect(canonicalIPOf('IPv6', '10.0.0.1')).toBeUndefined();
    expect(canonicalIPOf('IPv4', '::ffff:10.0.0.1')).toBe('10.0.0.1');
  });

  it.each([
    ['203.0.113.129/25', '203.0.113.128/25'],
    ['203.0.113.000/025', '203.0.113.0/25'],
    ['fd00::1/64', 'fd00::/64'],
    ['10.0.0.1', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/', undefined],
  ])('reads the CIDR %s as %s', (text, expected) => {
    expect(parseCIDR(text)?.text).toBe(expected);
  });

  it('puts brackets around an IPv6 address with a port', () => {
    expect([joinHostPort('10.0.0.1', 80), joinHostPort('fd00::1', 80)]).toEqual(['10.0.0.1:80', '[fd00::1]:80']);
  });
});
