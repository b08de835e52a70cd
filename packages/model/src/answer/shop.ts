/** The small shop that tests ask about: manifests without status, and the same as a snapshot of two nodes. */

export const SHOP = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: web, ports: [{name: http, containerPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
      - name: api
        image: api
        ports:
        - {name: http, containerPort: 8080}
        - {name: metrics, containerPort: 9090}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  selector: {app: api}
  ports:
  - {name: http, port: 80, targetPort: http}
  - {name: metrics, port: 9090, targetPort: metrics}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  ports:
  - {port: 80, targetPort: 8080, nodePort: 30080}
---
apiVersion: v1
kind: Service
metadata: {name: api-direct, namespace: shop}
spec:
  clusterIP: None
  selector: {app: api}
  ports:
  - {name: http, port: 80, targetPort: 8080}
---
apiVersion: v1
kind: Service
metadata: {name: mistyped, namespace: shop}
spec:
  selector: {app: apii}
  ports:
  - {port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: misnamed, namespace: shop}
spec:
  selector: {app: api}
  ports:
  - {port: 80, targetPort: htpp}
---
apiVersion: v1
kind: Service
metadata: {name: byhand, namespace: shop}
spec:
  ports:
  - {port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: other}
spec:
  selector: {app: api}
  ports:
  - {port: 80, targetPort: 8080}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec:
  type: ExternalName
  externalName: api.shop.svc.cluster.local
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec:
  type: ExternalName
  externalName: db.example.org
`;

export function source(text: string, name = 'shop.yaml'): { name: string; bytes: Uint8Array } {
  return { name, bytes: new TextEncoder().encode(text) };
}

/** Line of the first line of the shop that holds a text, from 1. */
export function lineOf(text: string, part: string): number {
  const at = text.split('\n').findIndex((line) => line.includes(part));
  if (at < 0) throw new Error(`no line holds ${part}`);
  return at + 1;
}
