import { expect, test } from 'vitest';
import { openSession } from '../answer/session.ts';
import { source } from '../answer/shop.ts';
import { openNode } from '../linux/node/index.ts';
import { doctor } from './doctor.ts';

const proxy = (config: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    ${config}
`;
const METALLB = `
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
`;
const OLD_METALLB = `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: metallb-system}
data: {config: "address-pools:\\n- {name: lan, protocol: layer2, addresses: [192.0.2.0/24]}\\n"}
`;
const NODE = `
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
`;
const balanced = (policy: string) => `
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, clusterIP: 10.96.0.10, externalTrafficPolicy: ${policy}, ports: [{port: 80, nodePort: 30080}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.5}]}}
`;

const CODES = ['strict-arp', 'virtual-services-of-others', 'draining-servers', 'ipvs-left-behind'];

async function found(text: string, dump?: string) {
  const files = [{ name: 'dump', bytes: new TextEncoder().encode(dump ?? '') }];
  const dumps = dump === undefined ? [] : [await openNode('n1', files)];
  const { findings } = doctor(await openSession({ files: [source(text)], dumps }));
  return findings.filter(({ code }) => CODES.includes(code));
}

const ranks = async (...given: Parameters<typeof found>) =>
  (await found(...given)).map(({ rank, code }) => `${rank} ${code}`);

test.each([
  ['mode: ipvs', METALLB, ['suspect strict-arp']],
  ['mode: ipvs', OLD_METALLB, ['suspect strict-arp']],
  ['mode: ipvs', METALLB + balanced('Cluster'), ['suspect strict-arp']],
  ['mode: ipvs', METALLB + balanced('Local'), ['broken strict-arp']],
  ['mode: ipvs\n    ipvs: {strictARP: true}', METALLB, []],
  ['mode: iptables', METALLB, []],
  ['mode: ipvs', balanced('Local'), []],
])('%s with MetalLB: %#', async (config, objects, expected) => {
  expect(await ranks(proxy(config) + objects)).toEqual(expected);
});

test('strictARP is to be set where kube-proxy is configured', async () => {
  const [finding] = await found(proxy('mode: ipvs') + METALLB);
  expect(finding?.object).toMatchObject({ kind: 'ConfigMap', name: 'kube-proxy', field: 'data["config.conf"]' });
});

const LIST = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:80 rr
  -> 10.244.0.2:80                Masq    1      0          0
TCP  198.51.100.9:443 wrr
  -> 10.0.0.2:443                 Masq    1      0          0
TCP  192.168.0.1:30080 rr
`;

test('virtual services that are no Service, unless they are excluded', async () => {
  const objects = NODE + balanced('Cluster');
  expect(await ranks(proxy('mode: ipvs') + objects, LIST)).toEqual(['suspect virtual-services-of-others']);
  const excluding = proxy('mode: ipvs\n    ipvs: {excludeCIDRs: [198.51.100.0/24]}');
  expect(await ranks(excluding + objects, LIST)).toEqual([]);
});

test('servers that only wait for their last connections', async () => {
  const list = LIST.replace('Masq    1      0', 'Masq    0      3');
  const [finding] = (await found(proxy('mode: ipvs') + NODE, list)).filter(({ rank }) => rank === 'note');
  expect(finding?.text).toContain('10.244.0.2:80 of tcp 10.96.0.10:80');
});

test('addresses that a former mode left behind', async () => {
  const link =
    '2: eth0: <BROADCAST,UP> mtu 1500\n    inet 192.168.0.1/24 scope global eth0\n' +
    '5: kube-ipvs0: <BROADCAST,NOARP> mtu 1500 state DOWN\n    inet 10.96.0.10/32 scope global kube-ipvs0\n';
  expect(await ranks(proxy('mode: nftables') + NODE, link)).toEqual(['suspect ipvs-left-behind']);
  expect(await ranks(proxy('mode: ipvs') + NODE, link)).toEqual([]);
});
