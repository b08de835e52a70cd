import { formatAddress } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import { nodePortAddressesOf, resolvePrimary } from './node-port-addresses.ts';

const INTERFACES = ['127.0.0.1/8', '192.0.2.10/24', '192.0.2.9/24', '192.0.2.9/32', '::1/128', '2001:db8::1/64'];

describe('node port addresses', () => {
  it('are all where none of the family is given', () => {
    const { matchAll, cidrs, containsIPv4Loopback } = nodePortAddressesOf('IPv4', ['fd00::/8']);
    expect({ matchAll, cidrs, containsIPv4Loopback }).toEqual({
      matchAll: true,
      cidrs: ['0.0.0.0/0'],
      containsIPv4Loopback: true,
    });
  });

  it("are the node's addresses inside the CIDRs, each once, in numeric order", () => {
    const addresses = nodePortAddressesOf('IPv4', ['192.0.2.0/24', '2001:db8::/32']);
    expect(addresses.nodeIPs(INTERFACES).map(formatAddress)).toEqual(['192.0.2.9', '192.0.2.10']);
    expect(addresses.containsIPv4Loopback).toBe(false);
  });

  it('include loopback with a part of it, too', () => {
    expect(nodePortAddressesOf('IPv4', ['127.0.2.0/28']).containsIPv4Loopback).toBe(true);
    expect(nodePortAddressesOf('IPv4', ['126.0.0.0/7']).containsIPv4Loopback).toBe(true);
    expect(nodePortAddressesOf('IPv6', ['::1/128']).containsIPv4Loopback).toBe(false);
  });

  it('are the node IPs where the word is primary', () => {
    const nodeIPs = { IPv4: '192.0.2.9', IPv6: '::1' };
    expect(resolvePrimary(['primary'], nodeIPs)).toEqual(['192.0.2.9/32']);
    expect(resolvePrimary(['10.0.0.0/8'], nodeIPs)).toEqual(['10.0.0.0/8']);
  });
});
