import { describe, expect, it } from 'vitest';
import { clusterOf, documents } from './testing.ts';

interface Told {
  severity: string;
  line: number | undefined;
  field: string | undefined;
  message: string;
  mend: string | undefined;
}

/** What is told of an object's manifest, and whether there is such an object then. */
async function told(text: string): Promise<Told[]> {
  const { problems } = await clusterOf(text);
  const about = problems.filter(({ code }) => code === 'refused' || code === 'unknown-field');
  return about.map(({ severity, line, field, message, mend }) => ({ severity, line, field, message, mend }));
}

const manifest = (apiVersion: string, kind: string, rest: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: web, namespace: shop}\n${rest}`;
const service = (spec: string): string => manifest('v1', 'Service', `spec:\n  ${spec}`);
const policy = (spec: string): string => manifest('networking.k8s.io/v1', 'NetworkPolicy', `spec:\n  ${spec}`);

// Messages: the server's own, as the suite of recorded requests has them.
describe('what the API server refuses', () => {
  it.each<[text: string, line: number, field: string, says: string, mend?: string]>([
    [service('ports: [{port: 0, targetPort: 1}]'), 5, 'spec.ports[0].port', 'must be between 1 and 65535, inclusive'],
    [
      service('type: Nodeport\n  ports: [{port: 1}]'),
      5,
      'spec.type',
      'Unsupported value: "Nodeport"',
      'Did you mean NodePort?',
    ],
    [
      service('ports: [{port: 80, targetPort: "8080"}]'),
      5,
      'spec.ports[0].targetPort',
      'must contain at least one letter (a-z)',
      'Take the quotes off.',
    ],
    [
      service('clusterIP: host\n  ports: [{port: 80}]'),
      5,
      'spec.clusterIP',
      'spec.clusterIPs[0]: Invalid value: "host": must be a valid IP address',
    ],
    [service('type: ExternalName'), 4, 'spec.externalName', 'Required value', 'Add externalName.'],
    [
      service('ports: [{port: "80"}]'),
      5,
      'spec.ports[0].port',
      'json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
      'Take the quotes off.',
    ],
    [
      service('selector: {version: 1.1}\n  ports: [{port: 80}]'),
      5,
      'spec.selector.version',
      'cannot unmarshal number into Go struct field ServiceSpec.spec.selector of type string',
      'Put the value in quotes.',
    ],
    [
      policy('podSelector: {}\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.1'),
      9,
      'spec.ingress[0].from[0].ipBlock.cidr',
      'must be a valid CIDR value',
      'Did you mean 10.0.0.1/32?',
    ],
    [
      manifest('discovery.k8s.io/v1', 'EndpointSlice', 'addressType: IPv4\nendpoints: [{addresses: ["127.0.0.1"]}]'),
      5,
      'endpoints[0].addresses[0]',
      'may not be in the loopback range',
    ],
  ])('%s', async (text, line, field, says, mend) => {
    const [first, ...others] = await told(text);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ severity: 'error', line, field, mend });
    expect(first?.message).toMatch(/^Kubernetes v1\.36 refuses this \w+, and it is left out: /);
    expect(first?.message).toContain(says);
  });

  it('is not there', async () => {
    const cluster = await clusterOf(
      documents(service('ports: [{port: 0}]'), service('ports: [{port: 81}]').replace('web', 'api')),
    );
    expect([...cluster.services.keys()]).toEqual(['shop/api']);
  });

  it('is what a server of another version has stored', async () => {
    const stored = service('ports: [{port: 0}]').replace('{name', '{uid: u, name');
    expect(await told(stored)).toEqual([]);
    expect((await clusterOf(stored)).services.size).toBe(1);
  });

  it.each(['REDACTED', '10.x.x.x', '***', '<ip>'])('has no say where %s stands for an address', async (ip) => {
    expect(await told(service(`clusterIP: "${ip}"\n  ports: [{port: 80}]`))).toEqual([]);
  });

  it('needs the cluster to judge addresses, ports, families and references: those stay', async () => {
    const texts = [
      'clusterIP: 172.31.0.9\n  ports: [{port: 80}]',
      'type: NodePort\n  ports: [{port: 80, nodePort: 80}]',
      'ipFamilyPolicy: RequireDualStack\n  ports: [{port: 80}]',
      'ipFamilies: [IPv6]\n  ports: [{port: 80}]',
    ];
    for (const text of texts) expect(await told(service(text))).toEqual([]);
  });
});

it('fields that nobody knows do nothing', async () => {
  const text = service('selectors: {app: a}\n  ports: [{port: 80}]');
  expect(await told(text)).toEqual([
    {
      severity: 'warning',
      line: 5,
      field: 'spec.selectors',
      message:
        'Kubernetes v1.36 knows no field spec.selectors of a Service: it does nothing, and kubectl has the object refused',
      mend: 'Did you mean selector?',
    },
  ]);
  expect((await clusterOf(text)).services.size).toBe(1);
});
