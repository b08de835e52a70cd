import { expect, test } from 'vitest';
import { clusterOf, documents, node } from '../cluster/testing.ts';
import { buildDataplane } from './build.ts';
import { nodeCacheAddresses } from './node-local-dns.ts';

const cache = (args: string[], image = 'registry.k8s.io/dns/k8s-dns-node-cache:1.26.0') => ({ name: 'c', image, args });

test.each<[string[], string[]]>([
  [
    ['-localip', '169.254.20.10,10.96.0.10', '-conf', '/etc/Corefile'],
    ['169.254.20.10', '10.96.0.10'],
  ],
  [['--localip=fd00::a'], ['fd00::a']],
  [['-localip', '169.254.20.10', '-setupinterface=false'], []],
  [['-localip', '__PILLAR__LOCAL__DNS__'], []],
  [[], []],
])('%j', (args, expected) => {
  expect(nodeCacheAddresses(cache(args))).toEqual(expected);
  expect(nodeCacheAddresses(cache(args, 'coredns/coredns'))).toBeUndefined();
});

test('nodes that run the cache have its link and its rules, first of all; others have not', async () => {
  const pod = `
apiVersion: v1
kind: Pod
metadata: {name: cache, namespace: kube-system}
spec:
  nodeName: a
  hostNetwork: true
  containers: [{name: c, image: k8s-dns-node-cache, args: ["-localip", "169.254.20.10,10.96.0.10"]}]`;
  const address = (ip: string): string => `\nstatus: {addresses: [{type: InternalIP, address: ${ip}}]}`;
  const nodes = documents(`${node('a')}${address('192.0.2.1')}`, `${node('b')}${address('192.0.2.2')}`);
  const plane = buildDataplane(await clusterOf(documents(nodes, pod)));
  const shown = (name: string) => {
    const host = plane.nodes.get(name)?.host;
    const chain = (table: string, chainName: string) =>
      host?.netfilter.find((t) => t.family === 'ip' && t.name === table)?.chains.find((c) => c.name === chainName)
        ?.rules.length ?? 0;
    return {
      link: host?.links.find((link) => link.name === 'nodelocaldns')?.kind,
      addresses: host?.addresses.filter((a) => a.link === 'nodelocaldns').map((a) => a.address),
      raw: [chain('raw', 'PREROUTING'), chain('raw', 'OUTPUT')],
    };
  };
  expect(shown('a')).toEqual({ link: 'dummy', addresses: ['169.254.20.10/32', '10.96.0.10/32'], raw: [4, 12] });
  expect(shown('b')).toEqual({ link: undefined, addresses: [], raw: [0, 0] });
});
