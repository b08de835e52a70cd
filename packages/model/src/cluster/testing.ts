/** For tests: a cluster out of text. */
import { readSources } from '../read/read.ts';
import { buildCluster } from './build.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterOverrides } from './overrides.ts';

export async function clusterOf(text: string, overrides: ClusterOverrides = {}): Promise<Cluster> {
  const read = await readSources([{ name: 'input.yaml', bytes: new TextEncoder().encode(text) }]);
  return buildCluster(read, overrides);
}

/** Several documents as one input. */
export function documents(...texts: string[]): string {
  return texts.join('\n---\n');
}

/** A Deployment whose pods carry `app: NAME` and listen on a port called http. */
export function deployment(name: string, replicas: number, podSpec = ''): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: main, image: example.com/${name}, ports: [{name: http, containerPort: 8080}]}]${podSpec && `, ${podSpec}`}}`;
}

export function service(name: string, spec = ''): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: http}]${spec && `, ${spec}`}}`;
}

export function node(name: string, spec = '{}', more = ''): string {
  return `
apiVersion: v1
kind: Node
metadata: {name: ${name}, labels: {kubernetes.io/hostname: ${name}${more && `, ${more}`}}}
spec: ${spec}`;
}

/** `[severity, code, line, field]` of each problem. */
export function problemsOf({ problems }: Cluster): unknown[] {
  return problems.map((p) => [p.severity, p.code, p.line, p.field]);
}

export function assumed(cluster: Cluster, code: string): number | undefined {
  return cluster.assumptions.find((a) => a.code === code)?.count;
}

/** Pods by node, as `NAMESPACE/APP` of each. */
export function perNode(cluster: Cluster): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { object } of cluster.pods.values()) {
    const name = object.spec.nodeName ?? 'none';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
