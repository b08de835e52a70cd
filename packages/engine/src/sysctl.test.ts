import { expect, test } from 'vitest';
import { confAll, confAny, confMax, confOf, type Sysctls, sysctl } from './sysctl.ts';

test.each<[name: string, sysctls: Sysctls, value: number]>([
  ['net.ipv4.ip_default_ttl', {}, 64],
  ['net.ipv4.ip_default_ttl', { 'net.ipv4.ip_default_ttl': '65' }, 65],
  ['net.bridge.bridge-nf-call-iptables', {}, 1],
  ['net.ipv4.fwmark_reflect', { 'net.ipv4.fwmark_reflect': 'nonsense' }, 0],
])('%s of %o is %i', (name, sysctls, value) => {
  expect(sysctl(sysctls, name)).toBe(value);
});

test.each<[what: string, sysctls: Sysctls, value: number]>([
  ['nothing said', {}, 0],
  ['ip_forward writes every device', { 'net.ipv4.ip_forward': 1 }, 1],
  ['the device has its own word', { 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.eth0.forwarding': 0 }, 0],
  ['a device copies default', { 'net.ipv4.conf.default.forwarding': 1 }, 1],
])('forwarding: %s', (_what, sysctls, value) => {
  expect(confOf(sysctls, 4, 'eth0', 'forwarding')).toBe(value);
});

test('all and the link combine as each setting wants', () => {
  const sysctls = {
    'net.ipv4.conf.all.rp_filter': 1,
    'net.ipv4.conf.eth0.rp_filter': 2,
    'net.ipv4.conf.all.route_localnet': 1,
  };
  expect(confMax(sysctls, 4, 'eth0', 'rp_filter')).toBe(2);
  expect(confMax(sysctls, 4, 'eth1', 'rp_filter')).toBe(1);
  expect(confAny(sysctls, 4, 'eth0', 'route_localnet')).toBe(true);
  expect(confAny({}, 4, 'eth0', 'send_redirects')).toBe(true);
  expect(confAll(sysctls, 4, 'rp_filter')).toBe(1);
});

test('a dot in a link name is a slash in the setting name', () => {
  expect(confOf({ 'net.ipv4.conf.eth0/100.rp_filter': 1 }, 4, 'eth0.100', 'rp_filter')).toBe(1);
});
