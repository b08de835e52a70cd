/** Which endpoints serve a service port on a node. */
import { categorizeEndpoints, type EndpointUse } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface EndpointsCase {
  id: string;
  node: { name: string; topologyLabels: Record<string, string> | null };
  config: { preferSameTrafficDistribution: boolean };
  servicePort: { usesClusterEndpoints: boolean; usesLocalEndpoints: boolean };
  endpoints: {
    endpoint: string;
    local: boolean;
    ready: boolean;
    serving: boolean;
    terminating: boolean;
    zoneHints: string[];
    nodeHints: string[];
  }[];
  expect: { cluster: string[] | null; local: string[] | null; all: string[] | null; hasAnyEndpoints: boolean };
}

function judge({ node, config, servicePort, endpoints, expect }: EndpointsCase): Outcome {
  // Some cases say "local" without naming the node; hints for nodes may still name it.
  const nodeName = node.name === '' ? 'here' : node.name;
  const uses = endpoints.map(
    ({ local, nodeHints, ...rest }): EndpointUse => ({
      ...rest,
      nodeName: local ? nodeName : '',
      nodeHints: config.preferSameTrafficDistribution ? nodeHints : [],
    }),
  );
  const zone = node.topologyLabels?.['topology.kubernetes.io/zone'] ?? '';
  const found = categorizeEndpoints(uses, servicePort, { nodeName, zone });
  // Sets; null and empty are the same to upstream.
  const texts = (list: readonly EndpointUse[] | undefined) => (list ?? []).map(({ endpoint }) => endpoint).sort();
  const sorted = (list: readonly string[] | null) => [...(list ?? [])].sort();
  const difference = firstDifference(
    {
      cluster: sorted(expect.cluster),
      local: sorted(expect.local),
      all: sorted(expect.all),
      hasAnyEndpoints: expect.hasAnyEndpoints,
    },
    {
      cluster: texts(found.cluster),
      local: texts(found.local),
      all: texts(found.all),
      hasAnyEndpoints: found.hasAny,
    },
  );
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyEndpoints: Kind = {
  kind: 'kube-proxy-endpoints',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<EndpointsCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
