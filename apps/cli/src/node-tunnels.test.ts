/** Two routers that are known by what their tools print, joined by a tunnel. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';
import { EXIT } from './shell/exit.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwire-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Writes the dump of router `n`: what `ip -d addr` says of its tunnel, its routes, and files besides. */
function router(n: number, tunnel: string, route: string, more: Record<string, string> = {}): string {
  const at = join(folder, `r${n}`);
  mkdirSync(at, { recursive: true });
  const files: Record<string, string> = {
    'ip_-d_addr':
      '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default\n' +
      '    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n' +
      '2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n' +
      `    link/ether 02:00:00:00:00:0${n} brd ff:ff:ff:ff:ff:ff\n    inet 192.0.2.${n}/24 scope global eth0\n` +
      '3: lan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n' +
      `    link/ether 02:00:00:00:01:0${n} brd ff:ff:ff:ff:ff:ff\n    inet 10.1.${n}.1/24 scope global lan0\n` +
      tunnel,
    ip_route:
      `default via 192.0.2.254 dev eth0\n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.${n}\n` +
      `10.1.${n}.0/24 dev lan0 proto kernel scope link src 10.1.${n}.1\n${route}`,
    'sysctl_-a': 'net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 0\n',
    ...more,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at, `${name}.txt`), text);
  return `r${n}=${at}`;
}

const ask = (to: string, ...dumps: string[]) =>
  podwire('trace', '10.1.1.5', to, ...dumps.flatMap((d) => ['--node', d]));

describe('IPIP, as Calico makes it', () => {
  // One tunnel to everywhere, whose other ends are the gateways of the routes by it.
  const tunl0 = (n: number) =>
    '4: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default qlen 1000\n' +
    '    link/ipip 0.0.0.0 brd 0.0.0.0 promiscuity 0 minmtu 0 maxmtu 0\n' +
    '    ipip any remote any local any ttl inherit nopmtudisc numtxqueues 1 numrxqueues 1\n' +
    `    inet 10.1.${n}.100/32 scope global tunl0\n`;
  const node = (n: number, more: Record<string, string> = {}) =>
    router(n, tunl0(n), `10.1.${3 - n}.0/24 via 192.0.2.${3 - n} dev tunl0 proto bird onlink\n`, more);

  test('a packet goes through it, and back', async () => {
    const { exitCode, out } = await ask('10.1.2.5:80', node(1), node(2));
    expect(exitCode).toBe(EXIT.YES);
    expect(out).toMatch(/node r1 +tunnel +into tunl0: proto 4 192\.0\.2\.2/);
    expect(out).toMatch(/node r2 +tunnel +out of tunl0/);
    expect(out).toMatch(/reply[\s\S]*node r2 +tunnel +into tunl0: proto 4 192\.0\.2\.1/);
  });

  test('what stops protocol 4 stops it', async () => {
    const rules =
      '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p 4 -j DROP\nCOMMIT\n';
    const { exitCode, out } = await ask('10.1.2.5:80', node(1), node(2, { 'iptables-save': rules }));
    expect(exitCode).toBe(EXIT.NO);
    expect(out).toContain('The packet is lost at node r2: -A INPUT -p 4 -j DROP');
  });

  test('the dump is read to the last line', async () => {
    const { out } = await podwire('node', 'read', node(1).slice('r1='.length));
    expect(out).toContain(' 0 of them not understood');
    expect(out).not.toContain('problem');
  });
});

test('a route that puts packets into others is quoted, and so is a tunnel that is told by each packet where to', async () => {
  const external =
    '4: gnv0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default qlen 1000\n' +
    '    link/ether 02:00:00:00:03:01 brd ff:ff:ff:ff:ff:ff promiscuity 0\n    geneve external id 0 ttl auto dstport 6081\n';
  const dump = router(
    1,
    external,
    '10.1.2.0/24 encap ip id 5 dst 192.0.2.2 ttl 0 tos 0 dev gnv0\n10.1.3.0/24 dev gnv0\n',
  );
  const routed = await ask('10.1.2.5:80', dump);
  expect(routed.out).toContain('unmodelled-route');
  expect(routed.out).toContain('encap ip id 5 dst 192.0.2.2');
  const sent = await ask('10.1.3.5:80', dump);
  expect(sent.out).toContain('gnv0 (geneve external)');
});

describe('WireGuard', () => {
  const PRIVATE = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
  const SHARED = 'FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=';
  const PUBLIC = ['', 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=', 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0='];
  const wg0 =
    '4: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default qlen 1000\n' +
    '    link/none  promiscuity 0 minmtu 0 maxmtu 2147483552\n    wireguard numtxqueues 1 numrxqueues 1\n';
  const dump = (n: number, allowed: string) =>
    `wg0\t${PRIVATE}\t${PUBLIC[n]}\t51820\toff\n` +
    `wg0\t${PUBLIC[3 - n]}\t${SHARED}\t192.0.2.${3 - n}:51820\t${allowed}\t1700000000\t1000\t2000\t25\n`;
  const node = (n: number, allowed = `10.1.${3 - n}.0/24`, more: Record<string, string> = {}) =>
    router(n, `${wg0}    inet 10.9.0.${n}/24 scope global wg0\n`, `10.1.${3 - n}.0/24 dev wg0 scope link\n`, {
      wg_show_all_dump: dump(n, allowed),
      ...more,
    });

  test('a packet goes through it, and back', async () => {
    const { exitCode, out } = await ask('10.1.2.5:80', node(1), node(2));
    expect(exitCode).toBe(EXIT.YES);
    expect(out).toMatch(/node r1 +tunnel +into wg0: udp 192\.0\.2\.2:51820/);
    expect(out).toMatch(/reply[\s\S]*node r2 +tunnel +into wg0: udp 192\.0\.2\.1:51820/);
  });

  test('a peer that may not send from there is not heard', async () => {
    const { exitCode, out } = await ask('10.1.2.5:80', node(1), node(2, '10.7.0.0/16'));
    expect(exitCode).toBe(EXIT.NO);
    expect(out).toContain('no-socket');
  });

  test('no peer for the address: the router says so', async () => {
    const { exitCode, out } = await ask('10.1.2.5:80', node(1, '10.7.0.0/16'), node(2));
    expect(exitCode).toBe(EXIT.NO);
    expect(out).toContain('no-neighbor');
  });

  test('where the other end was not dumped, the packet leaves by the link', async () => {
    const { exitCode, out } = await ask('10.1.2.5:80', node(1));
    expect(exitCode).toBe(EXIT.YES);
    expect(out).toContain('by wg0 of r1');
  });

  test('and what is behind such a tunnel reaches the rest, though it has no address on the link', async () => {
    const bare =
      '4: gre1@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue state UNKNOWN\n    link/gre 192.0.2.1 peer 192.0.2.9\n    gre remote 192.0.2.9 local 192.0.2.1 ttl 64\n';
    const dump = router(1, bare, '10.8.0.0/16 dev gre1 scope link\n');
    const { out } = await podwire('trace', '10.8.0.3', '10.1.1.5:80', '--node', dump);
    expect(out).toMatch(/node r1 +route +10\.1\.1\.0\/24 dev lan0/);
    expect(out).toContain('by lan0 of r1');
  });

  // Dumps are pasted into tickets: secret keys must not come along, whatever is wrong with the text.
  const torn = [
    `wg0\t${PRIVATE}\t${PUBLIC[1]}\tno port\toff\n`,
    `wg0\t${PRIVATE}\n${SHARED}\n`,
    `[Interface]\nPrivateKey = ${PRIVATE}\nListenPort = ${PRIVATE}\n[Peer]\nPresharedKey = ${SHARED}\nEndpoint = ${SHARED}\nAllowedIPs = ${SHARED}\n`,
    `interface: wg0\n  private key: ${PRIVATE}\n  strange: ${SHARED}\n`,
  ];
  test.each(torn.map((text, i) => [i, text] as const))(
    'secret keys are in nothing that is said (%i)',
    async (_, text) => {
      const named = node(1, '10.1.2.0/24', { wg_show_all_dump: text, strange: text, wg0_showconf: text });
      const read = (...more: string[]) => podwire('node', 'read', named.slice('r1='.length), ...more);
      const said = [
        await read(),
        await read('-o', 'json'),
        await ask('10.1.2.5:80', named, node(2)),
        await podwire('rules', 'r1', '--node', named),
      ];
      for (const { out, err } of said)
        for (const key of [PRIVATE, SHARED]) expect(`${out}${err}`).not.toContain(key.slice(0, 20));
    },
  );

  test('nor where all is well', async () => {
    const named = node(1);
    const said = [
      await podwire('node', 'read', named.slice('r1='.length), '-o', 'json'),
      await ask('10.1.2.5:80', named, node(2)),
      await podwire('trace', '10.1.1.5', '10.1.2.5:80', '-o', 'json', '--node', named, '--node', node(2)),
    ];
    for (const { out, err } of said)
      for (const key of [PRIVATE, SHARED]) expect(`${out}${err}`).not.toContain(key.slice(0, 20));
  });
});
