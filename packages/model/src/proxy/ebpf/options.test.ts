import { expect, test } from 'vitest';
import { lbOptions, optionsOfArguments } from './options.ts';

test('flags and keys of the ConfigMap are the same words', () => {
  const { options, problems } = lbOptions(
    optionsOfArguments(['--bpf-lb-mode=dsr', '--bpf-lb-external-clusterip', 'agent']),
  );
  expect(options).toMatchObject({ mode: 'dsr', externalClusterIP: true, algorithm: 'random' });
  expect(problems).toEqual([]);
});

test.each([
  ['true', true],
  ['strict', true],
  ['probe', true],
  ['partial', false],
  ['disabled', false],
  ['false', false],
])('kube-proxy-replacement %s', (value, replaced) => {
  expect(lbOptions({ 'kube-proxy-replacement': value }).options).toMatchObject({
    kubeProxyReplacement: replaced,
    socketLB: replaced,
  });
});

test('what Cilium refuses is told, and the default taken', () => {
  const { options, problems } = lbOptions({
    'bpf-lb-mode': 'fast',
    'node-port-range': '40000,30000',
    'enable-ipv6': 'perhaps',
  });
  expect(options).toMatchObject({ mode: 'snat', nodePortRange: [30000, 32767], ipv6: true });
  expect(problems.map(({ message }) => message.split(' ')[2])).toEqual([
    'enable-ipv6',
    'node-port-range',
    'bpf-lb-mode',
  ]);
});
