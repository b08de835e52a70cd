/** What a runtime's calls of plugins leave on a node and in its pods: the words of the CNI specification and of the plugins' documentation. */
import { beforeEach, describe, expect, test } from 'vitest';
import { emptyNetns, printRoutes } from '../../linux/index.ts';
import { Host } from '../host/host.ts';
import { Unmodelled } from '../runtime/call.ts';
import { printedResult } from '../runtime/result.ts';
import { type Conflist, Runtime } from '../runtime/runtime.ts';

const RANGE = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/29' }]] };

const list = (...plugins: Record<string, unknown>[]): Conflist => ({ name: 'net', cniVersion: '1.0.0', plugins });

let host: Host;
let runtime: Runtime;

beforeEach(() => {
  host = new Host(emptyNetns('node'));
  host.own.ip(
    'link add eth0 address 02:00:00:00:00:01 type dummy',
    'link set eth0 up',
    'addr add 192.0.2.1/24 dev eth0',
  );
  runtime = new Runtime(host);
});

function attachment(name: string, args = '') {
  const pod = host.pods.get(name) ?? host.addPod(name);
  return { containerId: `id-${name}`, netnsPath: `/run/netns/${name}`, pod, ifname: 'eth0', args };
}

const routesOf = (name: string) =>
  printRoutes(host.pods.get(name)?.netns ?? host.own.netns, { family: 4 })
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const said = (conflist: Conflist, name: string, args = '') =>
  runtime.add(conflist, attachment(name, args)).ran.at(-1)?.error?.message;

describe('ptp', () => {
  const conf = list({ type: 'ptp', ipam: { ...RANGE, routes: [{ dst: '0.0.0.0/0' }] } });

  test('all that a pod sends goes to the address that every host end has', () => {
    runtime.add(conf, attachment('a'));
    runtime.add(conf, attachment('b'));
    expect(routesOf('a')).toEqual([
      'default via 10.1.0.1 dev eth0',
      '10.1.0.0/29 via 10.1.0.1 dev eth0 src 10.1.0.2',
      '10.1.0.1 dev eth0 scope link src 10.1.0.2',
    ]);
    const ends = host.own.netns.links.filter(({ kind }) => kind === 'veth').map(({ name }) => name);
    expect(ends.map((name) => host.own.addresses(name, 4))).toEqual([['10.1.0.1/32'], ['10.1.0.1/32']]);
    expect(host.own.netns.sysctls['net.ipv4.ip_forward']).toBe(1);
  });

  test('deleting takes the pair, its routes and the address away, and may be said twice', () => {
    const a = attachment('a');
    runtime.add(conf, a);
    for (const _ of [1, 2]) expect(runtime.del(conf, a).ran.every(({ error }) => !error)).toBe(true);
    expect(host.own.netns.links.map(({ name }) => name)).toEqual(['eth0']);
    expect(host.files.has('/var/lib/cni/networks/net/10.1.0.2')).toBe(false);
  });
});

describe('bridge', () => {
  const bridge = { type: 'bridge', isDefaultGateway: true, ipam: RANGE };

  test('the gateway stands on the bridge, pods are its ports', () => {
    const { result } = runtime.add(list({ ...bridge, hairpinMode: true }), attachment('a'));
    expect(host.own.addresses('cni0', 4)).toEqual(['10.1.0.1/29']);
    const [port] = host.own.netns.links.filter(({ master }) => master === 'cni0');
    expect(port).toMatchObject({ hairpin: true, peer: { netns: 'a', link: 'eth0' } });
    expect(result && printedResult('1.0.0', result)).toMatchObject({
      ips: [{ address: '10.1.0.2/29', gateway: '10.1.0.1', interface: 2 }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }],
    });
    expect(result && printedResult('0.3.1', result)).toMatchObject({ ips: [{ version: '4' }], dns: {} });
  });

  test('masquerading is a chain for each container, by iptables or by nftables', () => {
    runtime.add(list({ ...bridge, ipMasq: true }), attachment('a'));
    expect(host.own.iptables.ip.rules('nat', 'POSTROUTING')).toHaveLength(1);
    runtime.add(list({ ...bridge, ipMasq: true, ipMasqBackend: 'nftables' }), attachment('b'));
    expect(host.own.nft.rules('inet', 'cni_plugins_masquerade', 'masq_checks')).toHaveLength(1);
    expect(host.own.tables().map(({ family, name }) => `${family} ${name}`)).toEqual([
      'ip nat',
      'inet cni_plugins_masquerade',
    ]);
  });

  test('what it refuses is refused in its words, and gives the address back', () => {
    expect(said(list({ ...bridge, hairpinMode: true, promiscMode: true }), 'a')).toBe(
      'cannot set hairpin mode and promiscuous mode at the same time',
    );
    expect(said(list({ ...bridge, ipMasq: true, ipMasqBackend: 'ebpf' }), 'b')).toBe('unknown ipmasq backend "ebpf"');
    expect([...host.files.keys()].filter((name) => name.endsWith('10.1.0.2'))).toEqual([]);
    host.own.ip('link add br9 type dummy');
    expect(said(list({ ...bridge, bridge: 'br9' }), 'c')).toBe(
      'failed to create bridge "br9": "br9" already exists but is not a bridge',
    );
  });
});

describe('host-local', () => {
  const conf = list({ type: 'bridge', ipam: RANGE });

  test('addresses go round behind the last one, past the gateway, until none is left', () => {
    const given = ['a', 'b', 'c', 'd', 'e'].map((name) => runtime.add(conf, attachment(name)).result?.ips[0]?.address);
    expect(given).toEqual(['10.1.0.2/29', '10.1.0.3/29', '10.1.0.4/29', '10.1.0.5/29', '10.1.0.6/29']);
    expect(said(conf, 'f')).toBe(
      'failed to allocate for range 0: no IP addresses available in range set: 10.1.0.1-10.1.0.6',
    );
    runtime.del(conf, attachment('b'));
    expect(runtime.add(conf, attachment('g')).result?.ips[0]?.address).toBe('10.1.0.3/29');
  });

  test('an address that is asked for', () => {
    const asked = (address: string) => said(conf, `pod-${address}`, `IgnoreUnknown=1;IP=${address}`);
    expect(asked('10.1.0.5')).toBeUndefined();
    expect(asked('10.1.0.1')).toBe("failed to allocate for range 0: requested ip 10.1.0.1 is subnet's gateway");
    expect(asked('10.9.0.1')).toBe('failed to allocate all requested IPs: 10.9.0.1');
    expect(said(conf, 'z', 'IP=10.1.0.6')).toBe('ARGS: unknown args ["IP=10.1.0.6"]');
  });

  test.each([
    ['10.1.0.0/31', 'invalid range set 0: Network 10.1.0.0/31 too small to allocate from'],
    [
      '10.1.0.1/24',
      'invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0',
    ],
  ])('%s is no range', (subnet, why) => {
    expect(said(list({ type: 'bridge', ipam: { type: 'host-local', subnet } }), 'a')).toBe(why);
  });
});

describe('chained plugins', () => {
  const chain = list(
    { type: 'bridge', isDefaultGateway: true, ipam: RANGE },
    { type: 'portmap', capabilities: { portMappings: true } },
  );
  const given = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

  test('a host port is marked for its own subnet and for 127.0.0.1, and sent to the pod', () => {
    runtime.add(chain, attachment('a'), given);
    const name = host.own.iptables.ip.chains('nat').find((one) => one.startsWith('CNI-DN-')) ?? '';
    expect(host.own.iptables.ip.rules('nat', name)).toEqual([
      '-s 10.1.0.0/29 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK',
      '-s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK',
      '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80',
    ]);
    expect(host.own.netns.sysctls['net.ipv4.conf.cni0.route_localnet']).toBe(1);
    expect(runtime.check(chain, attachment('a'), given).ran.every(({ error }) => !error)).toBe(true);
    host.own.iptables.ip.run(`-t nat -F ${name}`);
    expect(runtime.check(chain, attachment('a'), given).ran.at(-1)?.error?.message).toContain('not found in table nat');
  });

  test('a chain ends with the first that fails', () => {
    const refused = { type: 'firewall', ingressPolicy: 'maybe' };
    const broken = list({ type: 'bridge', ipam: RANGE }, refused, { type: 'portmap' });
    const { ran, result } = runtime.add(broken, attachment('a'));
    expect(ran.map(({ type, error }) => `${type} ${error?.message ?? 'ok'}`)).toEqual([
      'bridge ok',
      'firewall unknown ingress policy: "maybe"',
    ]);
    expect(result).toBeUndefined();
  });

  test.each([
    ['the plugin sriov is not modelled', { type: 'sriov' }],
    ['the address manager dhcp is not modelled', { type: 'bridge', ipam: { type: 'dhcp' } }],
  ])('%s, and no plugin is said to have refused', (what, plugin) => {
    expect(() => runtime.add(list(plugin), attachment('a'))).toThrow(new Unmodelled(what));
  });

  test('a version that nobody knows', () => {
    expect(said({ ...chain, cniVersion: '9.9.9' }, 'a')).toBe('incompatible CNI versions');
  });
});
