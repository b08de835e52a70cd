/** What a health check node port answers. */
import { serviceHealth } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface HealthCheckCase {
  id: string;
  proxyHealthy: boolean;
  services: { namespace: string; name: string; localReadyEndpoints: number }[];
  request: { namespace: string; name: string };
  expect: { status: number; headers: Record<string, string[]>; body: string };
}

function judge({ proxyHealthy, services, request, expect }: HealthCheckCase): Outcome {
  const service = services.find(({ namespace, name }) => namespace === request.namespace && name === request.name);
  if (!service) return fail('the Service asked for has no health check node port');
  const { status, headers, body } = serviceHealth(request, service.localReadyEndpoints, proxyHealthy);
  const listed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const difference = firstDifference(expect, { status, headers: listed, body });
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyHealthCheck: Kind = {
  kind: 'kube-proxy-healthcheck',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<HealthCheckCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
