/** How kube-proxy detects local traffic, and which node IPs it takes. */
import {
  detectNodeIPs,
  type IPFamily,
  iptablesIfLocal,
  iptablesIfNotLocal,
  localDetector,
  nftablesIfLocal,
  nftablesIfNotLocal,
  type ProxyConfig,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface DetectorsCase {
  id: string;
  operation: 'localDetectors';
  config: Pick<ProxyConfig, 'detectLocalMode' | 'clusterCIDRs' | 'bridgeInterface' | 'interfaceNamePrefix'>;
  nodePodCIDRs: string[];
  expect: Record<IPFamily, unknown>;
}

interface NodeIPsCase {
  id: string;
  operation: 'nodeIPs';
  nodeIPs: string[];
  bindAddress: string;
  expect: { primaryIPFamily: IPFamily; ips: Record<IPFamily, string> };
}

function detectorOf({ config, nodePodCIDRs }: DetectorsCase, family: IPFamily) {
  const detector = localDetector(config, nodePodCIDRs, family);
  if (detector.kind === 'none') return detector;
  return {
    ...detector,
    iptablesLocal: iptablesIfLocal(detector),
    iptablesNotLocal: iptablesIfNotLocal(detector),
    nftablesLocal: nftablesIfLocal(detector),
    nftablesNotLocal: nftablesIfNotLocal(detector),
  };
}

function judge(row: DetectorsCase | NodeIPsCase): Outcome {
  const found =
    row.operation === 'localDetectors'
      ? { IPv4: detectorOf(row, 'IPv4'), IPv6: detectorOf(row, 'IPv6') }
      : detectNodeIPs(row.nodeIPs, row.bindAddress);
  const difference = firstDifference(row.expect, found);
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyDetectLocal: Kind = {
  kind: 'kube-proxy-detect-local',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<DetectorsCase | NodeIPsCase>('cases.jsonl')) {
      yield { id: row.id, variant: row.operation, run: () => judge(row) };
    }
  },
};
