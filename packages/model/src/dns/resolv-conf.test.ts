import { describe, expect, test } from 'vitest';
import type { Pod } from '../objects/kube.ts';
import { type KubeletDns, parseResolvConf, podResolvConf, resolvConfText } from './resolv-conf.ts';

const kubelet: KubeletDns = {
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'k8s.test',
  nodeResolvConf: 'nameserver 192.0.2.53\nsearch corp.test k8s.test\noptions edns0\n',
};

function written(spec: Pod['spec'], more: Partial<KubeletDns> = {}): string[] {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop' }, spec };
  const conf = podResolvConf(pod, { ...kubelet, ...more });
  if ('error' in conf) return [conf.error];
  return [...resolvConfText(conf).trimEnd().split('\n'), ...conf.events.map(({ reason }) => reason)];
}

const CLUSTER = [
  'search shop.svc.k8s.test svc.k8s.test k8s.test corp.test',
  'nameserver 10.96.0.10',
  'options ndots:5',
];
const HOST = ['search corp.test k8s.test', 'nameserver 192.0.2.53', 'options edns0'];

describe('what the kubelet writes', () => {
  test.each<[string, Pod['spec'], string[], Partial<KubeletDns>?]>([
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, CLUSTER],
    ['ClusterFirst in the host network', { dnsPolicy: 'ClusterFirst', hostNetwork: true }, HOST],
    ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, CLUSTER],
    ['Default', { dnsPolicy: 'Default' }, HOST],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.1'] } }, ['nameserver 192.0.2.1']],
    ['no cluster DNS', { dnsPolicy: 'ClusterFirst' }, [...HOST, 'MissingClusterDNS'], { clusterDNS: [] }],
    ['no file', { dnsPolicy: 'Default' }, ['search .', 'nameserver 127.0.0.1'], { nodeResolvConf: null }],
    [
      'no file, IPv6',
      { dnsPolicy: 'Default' },
      ['search .', 'nameserver ::1'],
      { nodeResolvConf: null, nodeIPs: ['fd00::1'] },
    ],
    [
      'its own additions',
      {
        dnsPolicy: 'ClusterFirst',
        dnsConfig: { searches: ['corp.test', 'x'], options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }] },
      },
      ['search shop.svc.k8s.test svc.k8s.test k8s.test corp.test x', 'nameserver 10.96.0.10', 'options ndots:2 rotate'],
    ],
    [
      'too many nameservers',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      ['nameserver 1.1.1.1', 'nameserver 1.1.1.2', 'nameserver 1.1.1.3', 'DNSConfigForming'],
    ],
    [
      'a path that is too long',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a'.repeat(254), 'b'.repeat(253)] } },
      [`search ${'b'.repeat(253)}`, 'nameserver 1.1.1.1', 'DNSConfigForming'],
    ],
    ['a broken file', { dnsPolicy: 'Default' }, ['nameserver list is empty'], { nodeResolvConf: 'nameserver\n' }],
  ])('%s', (_, spec, expected, more) => {
    expect(written(spec, more)).toEqual(expected);
  });
});

test('lines that systemd-resolved writes', () => {
  expect(parseResolvConf('nameserver 127.0.0.53\noptions edns0 trust-ad\noptions edns0 ndots:2\nsearch .')).toEqual({
    nameservers: ['127.0.0.53'],
    searches: [],
    options: ['edns0', 'trust-ad', 'ndots:2'],
  });
});
