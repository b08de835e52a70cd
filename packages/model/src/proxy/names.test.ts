import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { endpointChainName, isServiceChain, serviceChainNames } from './iptables/names.ts';
import { nameHash, servicePortName } from './names.ts';
import { endpointNames, serviceChainNames as nftServiceChainNames } from './nftables/names.ts';

/** RFC 4648 base32 of the SHA-256, the slow way: bit by bit. */
function slowHash(text: string, letters: number): string {
  const bits = [...createHash('sha256').update(text).digest()]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  return Array.from({ length: letters }, (_, i) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(bits.slice(i * 5, i * 5 + 5), 2)),
  ).join('');
}

describe('names', () => {
  it('leaves out the colon where a port has no name', () => {
    expect([servicePortName('ns', 'svc', ''), servicePortName('ns', 'svc', 'http')]).toEqual(['ns/svc', 'ns/svc:http']);
  });

  it('hashes as SHA-256 and base32 do', () => {
    for (const text of ['', 'ns1/svc1:p80tcp', 'ä'.repeat(70)]) {
      expect(nameHash(text, 16)).toBe(slowHash(text, 16));
      expect(nameHash(text, 8)).toBe(slowHash(text, 8));
    }
  });

  it('gives iptables chains the hash of port name, protocol and endpoint', () => {
    const hash = slowHash('ns1/svc1:p80tcp', 16);
    expect(serviceChainNames('ns1/svc1:p80', 'tcp')).toEqual({
      cluster: `KUBE-SVC-${hash}`,
      local: `KUBE-SVL-${hash}`,
      firewall: `KUBE-FW-${hash}`,
      external: `KUBE-EXT-${hash}`,
    });
    expect(endpointChainName('ns1/svc1', 'udp', '[fd00::1]:53')).toBe(
      `KUBE-SEP-${slowHash('ns1/svc1udp[fd00::1]:53', 16)}`,
    );
  });

  it('knows the chains that belong to one Service', () => {
    const names = ['KUBE-SVC-A', 'KUBE-FW-A', 'KUBE-SERVICES', 'KUBE-FIREWALL', 'OTHER-KUBE-SVC-A'];
    expect(names.filter(isServiceChain)).toEqual(['KUBE-SVC-A', 'KUBE-FW-A']);
  });

  it('spells nft names out, colons as dots, and cuts what is too long', () => {
    expect(nftServiceChainNames('ns', 'svc', 'http', 'tcp').external).toBe(
      `external-${slowHash('ns/svc/tcp/http', 8)}-ns/svc/tcp/http`,
    );
    const long = 'a'.repeat(63);
    const { endpoint } = endpointNames(long, long, long, 'sctp', '2001:db8:1111:2222:3333:4444:5555:6666', 65535);
    expect(endpoint).toHaveLength('endpoint-'.length + 240);
    expect(endpoint.endsWith('__2001.db8.1111.2222.3333.4444.5...')).toBe(true);
  });
});
