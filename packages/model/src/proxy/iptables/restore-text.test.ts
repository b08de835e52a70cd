import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../objects/kube.ts';
import { CONFIG, node, service, slice } from '../cluster.fixture.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import type { ProxyConfig } from '../proxy.ts';
import { servicePorts } from '../service-ports.ts';
import { endpointChainName, serviceChainNames } from './names.ts';
import { type RestoreInput, restoreText } from './restore-text.ts';
import { iptablesSettings } from './settings.ts';

function input(
  services: Service[],
  slices: EndpointSlice[],
  options: Partial<ProxyConfig> = {},
  sync: RestoreInput['sync'] = { existingChains: [] },
): RestoreInput {
  const here = node('here', 1);
  return {
    ports: servicePorts(services, 'IPv4'),
    endpoints: endpointsByServicePort(slices, 'IPv4'),
    settings: iptablesSettings({ ...CONFIG, ...options }, here, 'IPv4'),
    place: { nodeName: 'here', zone: '' },
    nodeIP: '192.0.2.1',
    interfaceAddresses: here.interfaceAddresses,
    sync,
  };
}

const WEB = serviceChainNames('shop/web:http', 'tcp');
const sep = (endpoint: string, port = 'shop/web:http') => endpointChainName(port, 'tcp', endpoint);

const linesOf = (text: string, chain: string) =>
  text.split('\n').filter((line) => line.startsWith(`-A ${chain} `) || line.startsWith(`:${chain} `));

describe('restore text', () => {
  it('is complete for one node port Service', () => {
    const web = service('shop/web', {
      type: 'NodePort',
      ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 30080 }],
      externalTrafficPolicy: 'Cluster',
    });
    const text = restoreText(input([web], [slice('shop/web', [{ ip: '10.244.1.2' }, { ip: '10.244.2.2' }])]));
    const [first, second] = [sep('10.244.1.2:8080'), sep('10.244.2.2:8080')];
    expect(text).toBe(`*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FIREWALL - [0:0]
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:${WEB.external} - [0:0]
:${WEB.cluster} - [0:0]
:${first} - [0:0]
:${second} - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "shop/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j ${WEB.cluster}
-A KUBE-NODEPORTS -m comment --comment shop/web:http -m tcp -p tcp --dport 30080 -j ${WEB.external}
-A ${WEB.cluster} -m comment --comment "shop/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A ${WEB.external} -m comment --comment "masquerade traffic for shop/web:http external destinations" -j KUBE-MARK-MASQ
-A ${WEB.external} -j ${WEB.cluster}
-A ${WEB.cluster} -m comment --comment "shop/web:http -> 10.244.1.2:8080" -m statistic --mode random --probability 0.5000000000 -j ${first}
-A ${WEB.cluster} -m comment --comment "shop/web:http -> 10.244.2.2:8080" -j ${second}
-A ${first} -m comment --comment shop/web:http -s 10.244.1.2 -j KUBE-MARK-MASQ
-A ${first} -m comment --comment shop/web:http -m tcp -p tcp -j DNAT --to-destination 10.244.1.2:8080
-A ${second} -m comment --comment shop/web:http -s 10.244.2.2 -j KUBE-MARK-MASQ
-A ${second} -m comment --comment shop/web:http -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
`);
  });

  it('rejects without endpoints, and drops without local ones where a policy is Local', () => {
    const spec = {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Local',
      ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    } as const;
    const empty = restoreText(input([service('shop/web', { ...spec, ports: [...spec.ports] }, ['203.0.113.1'])], []));
    expect(linesOf(empty, 'KUBE-EXTERNAL-SERVICES').slice(1)).toEqual([
      '-A KUBE-EXTERNAL-SERVICES -m comment --comment "shop/web:http has no endpoints" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j REJECT',
      '-A KUBE-EXTERNAL-SERVICES -m comment --comment "shop/web:http has no endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30080 -j REJECT',
    ]);
    const there = slice('shop/web', [{ ip: '10.244.2.2', node: 'there' }]);
    const web = service('shop/web', { ...spec, ports: [...spec.ports] }, ['203.0.113.1']);
    const remote = restoreText(input([web], [there]));
    expect(linesOf(remote, 'KUBE-SERVICES').filter((line) => line.endsWith('DROP'))).toEqual([
      '-A KUBE-SERVICES -m comment --comment "shop/web:http has no local endpoints" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j DROP',
    ]);
    expect(
      linesOf(remote, 'KUBE-EXTERNAL-SERVICES')
        .slice(1)
        .map((line) => line.slice(-4)),
    ).toEqual(['DROP', 'DROP']);
    // Pods and the node itself are still let through to all endpoints.
    expect(
      linesOf(remote, WEB.external)
        .slice(1)
        .map((line) => line.replace(/.*--comment "(\S+).*? -j /, '$1 ')),
    ).toEqual([`pod ${WEB.cluster}`, 'masquerade KUBE-MARK-MASQ', `route ${WEB.cluster}`]);
  });

  it('guards load balancer addresses by source range, with the address itself where a range holds the node', () => {
    const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] } as const;
    const web = service('shop/web', { ...spec, loadBalancerSourceRanges: ['192.0.2.0/24'] }, ['203.0.113.1']);
    const text = restoreText(input([web], [slice('shop/web', [{ ip: '10.244.1.2' }])]));
    expect(linesOf(text, WEB.firewall).slice(1)).toEqual([
      `-A ${WEB.firewall} -m comment --comment "shop/web:http loadbalancer IP" -s 192.0.2.0/24 -j ${WEB.external}`,
      `-A ${WEB.firewall} -m comment --comment "shop/web:http loadbalancer IP" -s 203.0.113.1 -j ${WEB.external}`,
      `-A ${WEB.firewall} -m comment --comment "other traffic to shop/web:http will be dropped by KUBE-PROXY-FIREWALL"`,
    ]);
    expect(linesOf(text, 'KUBE-PROXY-FIREWALL')).toContain(
      `-A KUBE-PROXY-FIREWALL -m comment --comment "shop/web:http traffic not accepted by ${WEB.firewall}" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j DROP`,
    );
  });

  it('asks for a client seen before, and notes each client', () => {
    const affinity = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    } as const;
    const text = restoreText(input([service('shop/web', affinity)], [slice('shop/web', [{ ip: '10.244.1.2' }])]));
    const chain = sep('10.244.1.2:8080');
    expect(linesOf(text, WEB.cluster)[2]).toBe(
      `-A ${WEB.cluster} -m comment --comment "shop/web:http -> 10.244.1.2:8080" -m recent --name ${chain} --rcheck --seconds 60 --reap -j ${chain}`,
    );
    expect(linesOf(text, chain)[2]).toContain(`-m recent --name ${chain} --set -m tcp -p tcp -j DNAT`);
  });

  it('writes in an incremental sync the chains of changed Services only, and strikes those that are left over', () => {
    const services = [service('shop/web', {}), service('shop/api', { clusterIP: '10.96.0.11' })];
    const slices = ['shop/web', 'shop/api'].map((name, i) => slice(name, [{ ip: `10.244.1.${i + 2}` }]));
    const stale = sep('10.244.9.9:8080');
    const existingChains = [stale, WEB.cluster, sep('10.244.1.2:8080'), 'KUBE-SERVICES', 'OTHER'];
    const text = restoreText(input(services, slices, {}, { updated: new Set(['shop/api']), existingChains }));
    const api = serviceChainNames('shop/api:http', 'tcp');
    expect(linesOf(text, 'KUBE-SERVICES').filter((line) => line.includes('cluster IP'))).toHaveLength(2);
    expect(linesOf(text, WEB.cluster)).toEqual([]);
    expect(linesOf(text, api.cluster)).toHaveLength(3);
    expect(text.split('\n').filter((line) => line.startsWith('-X'))).toEqual([`-X ${stale}`]);
    expect(linesOf(text, stale)).toEqual([`:${stale} - [0:0]`]);
  });

  it('leaves out comments about endpoints in a large cluster', () => {
    const many = Array.from({ length: 1001 }, (_, i) => ({ ip: `10.244.${i >> 8}.${i & 255}` }));
    const lines = linesOf(restoreText(input([service('shop/web', {})], [slice('shop/web', many)])), WEB.cluster);
    expect(lines[1]).toContain('--comment "shop/web:http cluster IP"');
    expect(lines[2]).toBe(
      `-A ${WEB.cluster} -m statistic --mode random --probability 0.0009990010 -j ${sep('10.244.0.0:8080')}`,
    );
  });

  it('keeps chains that are left over for a while in a large cluster', () => {
    const sketches = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ ip: `10.244.${i >> 8}.${i & 255}` }));
    const text = (count: number, hasDeletedLately: boolean) =>
      restoreText(
        input(
          [service('shop/web', {})],
          [slice('shop/web', sketches(count))],
          {},
          {
            existingChains: [sep('10.9.9.9:80')],
            hasDeletedLately,
          },
        ),
      );
    const isDeleted = (count: number, lately: boolean) => text(count, lately).includes(sep('10.9.9.9:80'));
    expect([isDeleted(1001, true), isDeleted(1001, false), isDeleted(1000, true)]).toEqual([false, true, true]);
  });

  it('serves node ports on single addresses where they are given', () => {
    const text = restoreText(
      input([], [], { nodePortAddresses: ['192.0.2.0/24', '127.0.0.1/32'], localhostNodePorts: false }),
    );
    expect(linesOf(text, 'KUBE-SERVICES').filter((line) => line.endsWith('KUBE-NODEPORTS'))).toEqual([
      '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -d 192.0.2.1 -j KUBE-NODEPORTS',
    ]);
    expect(text).not.toContain('KUBE-FIREWALL');
  });
});
