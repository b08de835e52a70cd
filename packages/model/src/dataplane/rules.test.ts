/** The rules of network plugins, as iptables-save showed them on nodes where the real ones had run. */
import { describe, expect, test } from 'vitest';
import { clusterOf, documents, node } from '../cluster/testing.ts';
import { printIptablesSave } from '../linux/iptables-save.ts';
import { buildDataplane } from './build.ts';

const NODE = `${node('n1', '{podCIDRs: [10.88.1.0/24, "fd88:1::/64"]}')}\nstatus: {addresses: [{type: InternalIP, address: 192.168.77.11}, {type: InternalIP, address: "fd77::11"}]}`;

const pod = (ports: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {nodeName: n1, containers: [{name: c, ports: [${ports}]}]}`;

/** Rules of the plugin's own chains and of the built-in ones, without kube-proxy's. */
async function lines(cni: string, family: 'ip' | 'ip6', text = ''): Promise<string[]> {
  const cluster = await clusterOf(documents(NODE, text), {
    cni,
    podCIDRs: ['10.88.0.0/16', 'fd88::/16'],
    proxyMode: 'none',
  });
  const tables = buildDataplane(cluster).nodes.get('n1')?.host.netfilter ?? [];
  return printIptablesSave(tables, family)
    .split('\n')
    .filter((l) => l.startsWith('-A') || l.startsWith('*'));
}

test('kindnet', async () => {
  expect(await lines('kindnet', 'ip6')).toEqual([
    '*nat',
    '-A POSTROUTING -m addrtype ! --dst-type LOCAL -m comment --comment "kind-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom KIND-MASQ-AGENT chain" -j KIND-MASQ-AGENT',
    '-A KIND-MASQ-AGENT -d fd88::/16 -m comment --comment "kind-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN',
    '-A KIND-MASQ-AGENT -m comment --comment "kind-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE',
  ]);
});

test('flannel', async () => {
  expect(await lines('flannel', 'ip')).toEqual([
    '*nat',
    '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.88.1.0/24 -d 10.88.0.0/16 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.88.0.0/16 -d 10.88.1.0/24 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG ! -s 10.88.0.0/16 -d 10.88.1.0/24 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.88.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
    '-A FLANNEL-POSTRTG ! -s 10.88.0.0/16 -d 10.88.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
    '*filter',
    '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
    '-A FLANNEL-FWD -s 10.88.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
    '-A FLANNEL-FWD -d 10.88.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
  ]);
});

describe('host ports', () => {
  /** Without the names that stand for the sandbox's id. */
  const ofPortmap = async (family: 'ip' | 'ip6', ports: string): Promise<string[]> =>
    (await lines('flannel', family, pod(ports)))
      .filter((l) => l.includes('CNI-') && !l.includes('flanneld'))
      .map((l) =>
        l.replace(/CNI-DN-[0-9a-f]{21}\b/g, 'CNI-DN').replace(/ -m comment --comment "dnat .*?[^\\]"(?= )/, ' COMMENT'),
      );

  test('both protocols, IPv4', async () => {
    expect(
      await ofPortmap(
        'ip',
        '{containerPort: 8080, hostPort: 30080}, {containerPort: 8080, hostPort: 30080, protocol: UDP}',
      ),
    ).toEqual([
      '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
      '-A CNI-DN -s 10.88.1.0/24 -p tcp -m tcp --dport 30080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN -s 127.0.0.1/32 -p tcp -m tcp --dport 30080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.88.1.2:8080',
      '-A CNI-DN -s 10.88.1.0/24 -p udp -m udp --dport 30080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN -s 127.0.0.1/32 -p udp -m udp --dport 30080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN -p udp -m udp --dport 30080 -j DNAT --to-destination 10.88.1.2:8080',
      '-A CNI-HOSTPORT-DNAT -p tcp COMMENT -m multiport --dports 30080 -j CNI-DN',
      '-A CNI-HOSTPORT-DNAT -p udp COMMENT -m multiport --dports 30080 -j CNI-DN',
      '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
      '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
    ]);
  });

  test('are masqueraded before anything else is', async () => {
    const all = await lines('kindnet', 'ip', pod('{containerPort: 8080, hostPort: 30080}'));
    expect(all.filter((l) => l.startsWith('-A POSTROUTING')).map((l) => l.split(' ').at(-1))).toEqual([
      'CNI-HOSTPORT-MASQ',
      'KIND-MASQ-AGENT',
    ]);
  });

  test('IPv6 has no loopback rule', async () => {
    expect(
      (await ofPortmap('ip6', '{containerPort: 8080, hostPort: 30080}')).filter((l) => l.startsWith('-A CNI-DN ')),
    ).toEqual([
      '-A CNI-DN -s fd88:1::/64 -p tcp -m tcp --dport 30080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN -p tcp -m tcp --dport 30080 -j DNAT --to-destination [fd88:1::2]:8080',
    ]);
  });

  test('an address of the host; the any-address of one family is that family only', async () => {
    const bound = await ofPortmap('ip', '{containerPort: 8080, hostPort: 30080, hostIP: 192.168.77.11}');
    expect(bound).toContain(
      '-A CNI-DN -d 192.168.77.11/32 -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.88.1.2:8080',
    );
    expect(bound).toContain(
      '-A CNI-DN -s 10.88.1.0/24 -d 192.168.77.11/32 -p tcp -m tcp --dport 30080 -j CNI-HOSTPORT-SETMARK',
    );
    expect(await ofPortmap('ip6', '{containerPort: 8080, hostPort: 30080, hostIP: 0.0.0.0}')).toEqual([]);
    expect(await ofPortmap('ip', '{containerPort: 8080, hostPort: 30080, hostIP: 0.0.0.0}')).toContain(
      '-A CNI-DN -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.88.1.2:8080',
    );
  });

  test('more than fifteen ports need more than one multiport match', async () => {
    const ports = Array.from({ length: 17 }, (_, i) => `{containerPort: ${i + 1}, hostPort: ${100 + i}}`).join(', ');
    const jumps = (await ofPortmap('ip', ports)).filter((l) => l.startsWith('-A CNI-HOSTPORT-DNAT'));
    expect(jumps.map((l) => l.split('--dports ')[1]?.split(',').length)).toEqual([15, 2]);
  });

  test('pods without any leave no trace', async () => {
    expect(await ofPortmap('ip', '{containerPort: 8080}')).toEqual([]);
  });
});
