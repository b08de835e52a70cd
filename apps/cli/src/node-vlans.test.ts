/** A router that is known by what its tools print: VLANs on a bond, one of them under a bridge, and a VRF. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwire-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const UP = 'UP,LOWER_UP';
const head = (index: number, name: string, flags: string, more = '') =>
  `${index}: ${name}: <${flags}> mtu 1500 qdisc noqueue${more} state UP group default qlen 1000\n`;
const ether = (last: string, details: string) =>
  `    link/ether 02:00:00:00:00:${last} brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535\n    ${details}\n`;
const inet = (address: string, link: string) =>
  `    inet ${address} scope global ${link}\n       valid_lft forever preferred_lft forever\n`;

const ADDR =
  '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default\n' +
  '    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n' +
  head(2, 'eno1', `BROADCAST,MULTICAST,SLAVE,${UP}`, ' master bond0') +
  ether('10', 'bond_slave state ACTIVE mii_status UP link_failure_count 0 queue_id 0') +
  head(3, 'eno2', `BROADCAST,MULTICAST,SLAVE,${UP}`, ' master bond0') +
  ether('10', 'bond_slave state BACKUP mii_status UP link_failure_count 0 queue_id 0') +
  head(4, 'eno3', `BROADCAST,MULTICAST,${UP}`, ' master blue') +
  ether('12', 'vrf_slave table 10') +
  inet('172.16.0.1/24', 'eno3') +
  head(5, 'bond0', `BROADCAST,MULTICAST,MASTER,${UP}`) +
  ether('10', 'bond mode active-backup active_slave eno2 miimon 100 updelay 0 downdelay 0') +
  head(6, 'bond0.20@bond0', `BROADCAST,MULTICAST,${UP}`, ' master br20') +
  ether('10', 'vlan protocol 802.1Q id 20 <REORDER_HDR>') +
  '    bridge_slave state forwarding priority 32 cost 4 hairpin off isolated off\n' +
  head(7, 'br20', `BROADCAST,MULTICAST,${UP}`) +
  ether('20', 'bridge forward_delay 1500 hello_time 200 vlan_filtering 0 vlan_protocol 802.1Q') +
  inet('10.20.0.1/24', 'br20') +
  head(8, 'bond0.30@bond0', `BROADCAST,MULTICAST,${UP}`) +
  ether('10', 'vlan protocol 802.1Q id 30 <REORDER_HDR>') +
  inet('10.30.0.1/24', 'bond0.30') +
  head(9, 'blue', `NOARP,MASTER,${UP}`) +
  ether('bb', 'vrf table 10') +
  head(10, 'bond0.40@bond0', `BROADCAST,MULTICAST,${UP}`, ' master blue') +
  ether('10', 'vlan protocol 802.1Q id 40 <REORDER_HDR>\n    vrf_slave table 10') +
  inet('10.40.0.1/24', 'bond0.40');

const FILES: Readonly<Record<string, string>> = {
  'ip_-d_addr.txt': ADDR,
  'ip_rule.txt':
    '0:\tfrom all lookup local\n1000:\tfrom all lookup [l3mdev-table]\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
  'ip_route_show_table_all.txt':
    'default via 10.30.0.254 dev bond0.30\n10.20.0.0/24 dev br20 proto kernel scope link src 10.20.0.1\n' +
    '10.30.0.0/24 dev bond0.30 proto kernel scope link src 10.30.0.1\n' +
    'default via 172.16.0.254 dev eno3 table 10\n10.40.0.0/24 dev bond0.40 table 10 proto kernel scope link src 10.40.0.1\n' +
    '172.16.0.0/24 dev eno3 table 10 proto kernel scope link src 172.16.0.1\n',
  'sysctl_-a.txt': 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 1\n',
};

function dump(files: Readonly<Record<string, string>>): string {
  const at = join(folder, 'r');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, name)), { recursive: true });
    writeFileSync(join(at, name), text);
  }
  return at;
}

const ask = (from: string, to: string, files = FILES) =>
  podwire('trace', from, to, '--node', `r=${dump(files)}`, '--detailed');

/** The links of the router that the request passes, in and out. */
const passed = (out: string): string[] =>
  [...(out.split('\nreply')[0] ?? '').matchAll(/^ .*\b(in|out) ((?:eno|bond|br|blue)\S*) /gm)].map(
    ([, way, link]) => `${way} ${link}`,
  );

describe('a router with VLANs on a bond, a bridge and a VRF', () => {
  test('every line of its dump is understood', async () => {
    const { exitCode, out } = await podwire('node', 'read', dump(FILES));
    expect(exitCode).toBe(0);
    expect(out).toContain(' 0 of them not understood');
    expect(out).not.toContain('problems');
    expect(out).toContain('10 links, 5 addresses, 6 routes');
  });

  test('from the VLAN under the bridge to another one', async () => {
    const { exitCode, out } = await ask('10.20.0.5', '10.30.0.7');
    expect(exitCode).toBe(0);
    expect(out).toContain('DELIVERED');
    expect(passed(out)).toEqual(['in eno2', 'in bond0', 'in bond0.20', 'out bond0.30', 'out bond0', 'out eno2']);
  });

  test('a VRF routes by its own table', async () => {
    const { out } = await ask('10.40.0.5', '8.8.8.8');
    expect(out).toContain('DELIVERED');
    expect(out).toMatch(/route input +default via 172\.16\.0\.254 dev eno3 +table 10/);
    expect(passed(out)).toEqual(['in eno2', 'in bond0', 'in bond0.40', 'out eno3']);
    expect((await ask('10.20.0.5', '8.8.8.8')).out).toMatch(/default via 10\.30\.0\.254 dev bond0\.30 +table main/);
  });

  test('files of /proc say what a listing without details does not', async () => {
    const plain = ADDR.split('\n')
      .filter((line) => !/^ {4}(vlan|bond|bond_slave|bridge|bridge_slave) /.test(line))
      .join('\n');
    const { out } = await ask('10.20.0.5', '10.30.0.7', {
      ...FILES,
      'ip_-d_addr.txt': plain,
      'proc/net/vlan/config':
        'VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\nbond0.20       | 20  | bond0\nbond0.30       | 30  | bond0\nbond0.40       | 40  | bond0\n',
      'proc/net/bonding/bond0':
        'Ethernet Channel Bonding Driver: v6.1.0\n\nBonding Mode: fault-tolerance (active-backup)\nPrimary Slave: None\nCurrently Active Slave: eno1\nMII Status: up\n\nSlave Interface: eno1\nMII Status: up\n\nSlave Interface: eno2\nMII Status: up\n',
    });
    expect(passed(out)).toEqual(['in eno1', 'in bond0', 'in bond0.20', 'out bond0.30', 'out bond0', 'out eno1']);
  });
});
