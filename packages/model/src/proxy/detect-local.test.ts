import { describe, expect, it } from 'vitest';
import { CONFIG } from './cluster.fixture.ts';
import {
  detectNodeIPs,
  iptablesIfLocal,
  iptablesIfNotLocal,
  localDetector,
  nftablesIfLocal,
  nftablesIfNotLocal,
} from './detect-local.ts';

describe('local traffic', () => {
  it('is told by the first CIDR of the family', () => {
    const config = { ...CONFIG, clusterCIDRs: ['fd00::/56', '10.1.2.3/16', '10.2.0.0/16'] };
    const detector = localDetector(config, [], 'IPv4');
    expect(iptablesIfLocal(detector)).toEqual(['-s', '10.1.0.0/16']);
    expect(iptablesIfNotLocal(detector)).toEqual(['!', '-s', '10.1.0.0/16']);
    expect(nftablesIfNotLocal(localDetector(config, [], 'IPv6'))).toEqual(['ip6', 'saddr', '!=', 'fd00::/56']);
  });

  it("is told by the node's own CIDR", () => {
    const config = { ...CONFIG, detectLocalMode: 'NodeCIDR' as const };
    expect(localDetector(config, ['10.9.0.0/24'], 'IPv4')).toEqual({ kind: 'cidr', cidr: '10.9.0.0/24' });
  });

  it('is told by interface, in both families', () => {
    const bridge = localDetector(
      { ...CONFIG, detectLocalMode: 'BridgeInterface', bridgeInterface: 'cni0' },
      [],
      'IPv6',
    );
    expect([iptablesIfLocal(bridge), nftablesIfLocal(bridge)]).toEqual([
      ['-i', 'cni0'],
      ['iifname', 'cni0'],
    ]);
    const config = { ...CONFIG, detectLocalMode: 'InterfaceNamePrefix' as const, interfaceNamePrefix: 'veth' };
    const prefix = localDetector(config, [], 'IPv4');
    expect([iptablesIfNotLocal(prefix), nftablesIfLocal(prefix)]).toEqual([
      ['!', '-i', 'veth+'],
      ['iifname', 'veth*'],
    ]);
  });

  it('cannot be told without a CIDR of the family', () => {
    const none = localDetector({ ...CONFIG, clusterCIDRs: ['', 'fd00::/56'] }, [], 'IPv4');
    expect([none, iptablesIfLocal(none), iptablesIfNotLocal(none), nftablesIfNotLocal(none)]).toEqual([
      { kind: 'none' },
      [],
      [],
      [],
    ]);
  });
});

describe('node IPs', () => {
  it('are those of the Node, loopback for a family that it does not have', () => {
    expect(detectNodeIPs(['192.0.2.1'], '0.0.0.0')).toEqual({
      primaryIPFamily: 'IPv4',
      ips: { IPv4: '192.0.2.1', IPv6: '::1' },
    });
  });

  it('give way to a bind address, which makes its family the primary one', () => {
    expect(detectNodeIPs(['192.0.2.1', '2001:db8::1'], '2001:db8::2')).toEqual({
      primaryIPFamily: 'IPv6',
      ips: { IPv4: '192.0.2.1', IPv6: '2001:db8::2' },
    });
  });
});
