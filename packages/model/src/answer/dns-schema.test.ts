import { readFileSync } from 'node:fs';
import { createReference } from '@podwire/engine/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from './answer-json.ts';
import { lookUpDns } from './dns-lookup.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/dns.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

const DNS = `
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: 10.96.0.10, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data: {Corefile: "cluster.local {\\n kubernetes cluster.local\\n}\\n"}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
spec: {hostNetwork: true, containers: [{name: c, image: c}]}
`;

test.each([
  ['deploy/shop/web', 'api', {}],
  ['deploy/shop/web', 'nobody', { client: 'musl' as const }],
  ['deploy/shop/web', '_http._tcp.api.shop.svc.cluster.local', { type: 'SRV' }],
  ['deploy/shop/web', 'localhost', { namespace: 'shop' }],
  ['deploy/shop/web', 'outside', {}],
  [
    'shop/agent',
    'api',
    { nodeResolvConf: 'nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4' },
  ],
])('%s asks for %s %o', async (from, name, more) => {
  for (const text of [SHOP, SHOP + DNS]) {
    if (from === 'shop/agent' && text === SHOP) continue;
    const session = await openSession({ files: [source(text)], machine: createReference() });
    const answer = JSON.parse(answerJson(lookUpDns(session, { from, name, ...more })));
    validate(answer);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...answer, more: 1 })).toBe(false);
    expect(answerJson(lookUpDns(session, { from, name, ...more }))).toBe(answerJson(answer));
  }
});
