/** What dumps of nodes tell of kube-proxy's mode. */
import { expect, test } from 'vitest';
import { readNode } from '../../linux/node/index.ts';
import { shownProxyModes } from './shown.ts';

const encoder = new TextEncoder();

function modes(text: string): string[] {
  const [host] = readNode('n', [{ name: 'dump', bytes: encoder.encode(text) }]).netnses;
  return host ? shownProxyModes(host.netns).map(({ mode, why }) => `${mode}: ${why}`) : [];
}

test.each([
  [
    '4: kube-ipvs0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN\n    inet 10.96.0.1/32 scope global kube-ipvs0\n',
    ['ipvs: link kube-ipvs0'],
  ],
  ['create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n', ['ipvs: ipset KUBE-CLUSTER-IP']],
  [
    'create KUBE-6-CLUSTER-IP hash:ip,port family inet6 hashsize 1024 maxelem 65536\n',
    ['ipvs: ipset KUBE-6-CLUSTER-IP'],
  ],
  ['*filter\n:KUBE-IPVS-FILTER - [0:0]\nCOMMIT\n', ['ipvs: chain KUBE-IPVS-FILTER']],
  ['table ip kube-proxy {\n\tchain services {\n\t}\n}\n', ['nftables: table ip kube-proxy']],
  ['*nat\n:KUBE-SVC-ERIFXISQEP7F7OF4 - [0:0]\nCOMMIT\n', ['iptables: chain KUBE-SVC-ERIFXISQEP7F7OF4']],
  [
    '*nat\n:KUBE-SVC-ERIFXISQEP7F7OF4 - [0:0]\nCOMMIT\n*filter\n:KUBE-IPVS-FILTER - [0:0]\nCOMMIT\n',
    ['ipvs: chain KUBE-IPVS-FILTER', 'iptables: chain KUBE-SVC-ERIFXISQEP7F7OF4'],
  ],
  ['*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n', []],
])('%j', (text, expected) => {
  expect(modes(text)).toEqual(expected);
});
