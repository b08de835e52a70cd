/** `--nodeport-addresses`. */
import { formatAddress } from '@podwire/engine';
import { type IPFamily, nodePortAddressesOf } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface NodePortAddressesCase {
  id: string;
  ipFamily: IPFamily;
  nodePortAddresses: string[] | null;
  interfaces?: { name: string; addresses: string[] }[];
  expect: { cidrs: string[]; matchAll: boolean; containsIPv4Loopback: boolean; ips?: string[] };
}

function judge({ ipFamily, nodePortAddresses, interfaces, expect }: NodePortAddressesCase): Outcome {
  const found = nodePortAddressesOf(ipFamily, nodePortAddresses ?? []);
  const { cidrs, matchAll, containsIPv4Loopback } = found;
  const ips = found
    .nodeIPs((interfaces ?? []).flatMap(({ addresses }) => addresses))
    .map(formatAddress)
    .sort();
  const difference = firstDifference(
    expect.ips ? { ...expect, ips: [...expect.ips].sort() } : expect,
    expect.ips ? { cidrs, matchAll, containsIPv4Loopback, ips } : { cidrs, matchAll, containsIPv4Loopback },
  );
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyNodePortAddresses: Kind = {
  kind: 'kube-proxy-nodeport-addresses',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<NodePortAddressesCase>('cases.jsonl')) {
      yield { id: row.id, run: () => judge(row) };
    }
  },
};
