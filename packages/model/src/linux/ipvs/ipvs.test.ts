import { expect, test } from 'vitest';
import { readIpvsList, readIpvsSave } from './index.ts';

const LIST = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr persistent 10800
  -> 172.16.16.81:6443            Masq    1      3          0         
UDP  [fd00::a]:53 rr
  -> [fd00::1]:53                 Masq    2      0          0         
FWM  5 IPv6 wlc
  -> [fd00::2]:0                  Route   1      0          0         
`;

test('ipvsadm -Ln', () => {
  expect(readIpvsList(LIST)).toEqual({
    services: [
      {
        protocol: 'tcp',
        address: '10.96.0.1',
        port: 443,
        scheduler: 'rr',
        persistent: 10800,
        servers: [{ address: '172.16.16.81', port: 6443, method: 'masquerade', weight: 1 }],
      },
      {
        protocol: 'udp',
        address: 'fd00::a',
        port: 53,
        scheduler: 'rr',
        servers: [{ address: 'fd00::1', port: 53, method: 'masquerade', weight: 2 }],
      },
      {
        fwmark: 5,
        ipv6: true,
        scheduler: 'wlc',
        servers: [{ address: 'fd00::2', port: 0, method: 'route', weight: 1 }],
      },
    ],
    problems: [],
  });
});

test('ipvsadm -Sn', () => {
  const { services, problems } = readIpvsSave(
    '-A -t 10.96.0.1:443 -s rr -p 10800\n-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -m -w 1\n',
  );
  expect(problems).toEqual([]);
  expect(services).toEqual([
    {
      protocol: 'tcp',
      address: '10.96.0.1',
      port: 443,
      scheduler: 'rr',
      persistent: 10800,
      servers: [{ address: '10.0.0.2', port: 6443, method: 'masquerade', weight: 1 }],
    },
  ]);
});

test('servers of a service that is not understood are given to no other', () => {
  const broken = LIST.replace('UDP  [fd00::a]:53 rr', 'UDP  some.host:domain rr');
  const { services, problems } = readIpvsList(broken, { file: 'ipvs', firstLine: 11 });
  expect(services[0]?.servers).toHaveLength(1);
  expect(problems.map((p) => [p.file, p.line])).toEqual([
    ['ipvs', 16],
    ['ipvs', 17],
  ]);
});

test('lines picked out of a listing are no whole one', () => {
  const { services, isFragment } = readIpvsList('TCP  10.96.0.1:443 rr\nTCP  [fd00::a]:53 rr\n');
  expect(services.map(({ address }) => address)).toEqual(['10.96.0.1', 'fd00::a']);
  expect(isFragment).toBe(true);
  expect(readIpvsList(LIST)).not.toHaveProperty('isFragment');
  // Nothing is there.
  expect(readIpvsList(LIST.split('\n').slice(0, 3).join('\n'))).toEqual({ services: [], problems: [] });
});
