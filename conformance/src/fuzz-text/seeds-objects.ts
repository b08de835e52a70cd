/** Small files of Kubernetes objects, and archives of files. */

const yaml = `# a shop
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: &meta
    name: web
    labels: {app: web, "tier": 'front'}
  spec:
    selector: {app: web}
    ports:
    - {port: 80, targetPort: http, protocol: TCP}
    - port: 0x1F90
      name: "a\\tb"
    note: |
      text
        more
    folded: >-
      one
      two
- {apiVersion: v1, kind: Pod, metadata: *meta, spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
    - namespaceSelector: {}
    ports: [{port: 80, endPort: 90}]
---
kind: Deployment
apiVersion: apps/v1
metadata: {<<: {name: w}, annotations: {a: on}}
spec: {replicas: 2, template: {metadata: {labels: {app: web}}, spec: {containers: [{env: [{name: A, value: b}]}]}}}
`;

const kyaml = `---
{
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "web", # a comment
    labels: { "app": "web", },
  },
  spec: {
    ports: [{
      port: 80,
      targetPort: "http",
    }],
  },
}
`;

const json = `{"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a\\u0041"}, "spec": {"nodeName": "n1"},
 "status": {"podIP": "10.0.0.5", "podIPs": [{"ip": "10.0.0.5"}]}}, null, [1.5e3, {}]]}
{"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
 "addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": [{"addresses": ["10.0.0.5"], "conditions": {"ready": true}}]}
`;

export const objects = { yaml, kyaml, json };

const BLOCK = 512;

function header(name: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, '0000644\0');
  put(124, `${size.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar\x0000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** A ustar archive (POSIX.1-1988, table 10-1). */
export function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
    padded.set(bytes);
    return [header(name, bytes.length), padded];
  });
  const whole = [...parts, new Uint8Array(2 * BLOCK)];
  const out = new Uint8Array(whole.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of whole) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
