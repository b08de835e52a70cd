import { beforeAll, describe, expect, test } from 'vitest';
import type { EndpointSlice, Namespace, Pod, Service } from '../objects/kube.ts';
import { defaultZones, type KubernetesZones } from './candidates.ts';
import { answerKubernetes } from './kubernetes.ts';
import { reverseName } from './names.ts';
import { DnsObjects } from './objects.ts';
import type { DnsResponse } from './record.ts';

const meta = (name: string) => ({ name, namespace: 'shop' });
const service = (name: string, spec: Service['spec'], status?: Service['status']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name),
  spec,
  ...(status && { status }),
});
const slice = (of: string, endpoints: EndpointSlice['endpoints'], port = 8080): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...meta(`${of}-1`), labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'http', protocol: 'TCP', port }],
});

let objects: DnsObjects;
beforeAll(() => {
  const namespaces: Namespace[] = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }];
  const pods: Pod[] = [
    { apiVersion: 'v1', kind: 'Pod', metadata: meta('a'), spec: {}, status: { phase: 'Running', podIP: '10.1.0.1' } },
    { apiVersion: 'v1', kind: 'Pod', metadata: meta('b'), spec: {}, status: { phase: 'Failed', podIP: '10.1.0.2' } },
  ];
  objects = new DnsObjects({
    namespaces,
    pods,
    services: [
      service('api', { clusterIPs: ['10.96.0.1', 'fd00::1'], ports: [{ name: 'http', protocol: 'TCP', port: 80 }] }),
      service('empty', { clusterIPs: ['10.96.0.2'], ports: [{ port: 80 }] }),
      service('db', { clusterIPs: ['None'] }),
      service('none', { clusterIPs: ['None'] }),
      service('out', { type: 'ExternalName', externalName: 'db.example.org' }),
      service('in', { type: 'ExternalName', externalName: 'api.shop.svc.k8s.test' }),
      service('gone', { type: 'ExternalName', externalName: 'nobody.shop.svc.k8s.test' }),
      service('loop1', { type: 'ExternalName', externalName: 'loop2.shop.svc.k8s.test' }),
      service('loop2', { type: 'ExternalName', externalName: 'loop1.shop.svc.k8s.test' }),
      service('literal', { type: 'ExternalName', externalName: '192.0.2.1' }),
    ],
    endpointSlices: [
      slice('api', [{ addresses: ['10.1.0.1'], targetRef: { kind: 'Pod', name: 'a' } }]),
      slice('db', [
        { addresses: ['10.1.0.7'], hostname: 'db-0', zone: 'North' },
        { addresses: ['10.1.0.8'], conditions: { ready: false }, hostname: 'db-1' },
        { addresses: ['10.1.0.9'], targetRef: { kind: 'Pod', name: 'db-x' }, zone: 'south' },
      ]),
      slice('none', [{ addresses: ['10.1.0.8'], conditions: { ready: false } }]),
    ],
  });
});

function ask(name: string, type = 'A', config: Partial<KubernetesZones> = {}): DnsResponse | undefined {
  const zones = { ...defaultZones, zones: ['k8s.test.', '10.in-addr.arpa.'], ...config };
  return answerKubernetes(objects, zones, { name, type }, (question) => ({
    rcode: 'NOERROR',
    answer: [{ name: question.name, type: question.type, ttl: 60, rdata: '198.51.100.1' }],
    authority: [],
    additional: [],
    truncated: false,
  }));
}

/** The answer's data; the code where there is none. */
function data(name: string, type = 'A', config: Partial<KubernetesZones> = {}): string[] | string | undefined {
  const found = ask(name, type, config);
  if (found?.rcode === 'NOERROR' && found.answer.length === 0) return 'NODATA';
  return found?.rcode === 'NOERROR' ? found.answer.map(({ rdata }) => rdata) : found?.rcode;
}

describe('names', () => {
  test.each<[string, string, string[] | string, Partial<KubernetesZones>?]>([
    ['api.shop.svc.k8s.test.', 'A', ['10.96.0.1']],
    ['api.shop.svc.k8s.test.', 'AAAA', ['fd00::1']],
    ['API.Shop.SVC.k8s.test.', 'A', ['10.96.0.1']],
    ['api.other.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['shop.svc.k8s.test.', 'A', 'NODATA'],
    ['svc.k8s.test.', 'A', 'NODATA'],
    ['k8s.test.', 'A', 'NODATA'],
    ['other.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['api.k8s.test.', 'A', 'NXDOMAIN'],
    ['*.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['empty.shop.svc.k8s.test.', 'A', ['10.96.0.2']],
    ['empty.shop.svc.k8s.test.', 'A', 'NXDOMAIN', { ignoreEmptyService: true }],
    ['empty.shop.svc.k8s.test.', 'AAAA', 'NODATA'],
    ['api.shop.svc.k8s.test.', 'A', 'NXDOMAIN', { exposedNamespaces: ['other'] }],
    ['db.shop.svc.k8s.test.', 'A', ['10.1.0.7', '10.1.0.9']],
    ['db.shop.svc.k8s.test.', 'A', 'NXDOMAIN', { endpoints: false }],
    ['none.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['db-0.db.shop.svc.k8s.test.', 'A', ['10.1.0.7']],
    ['db-1.db.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['10-1-0-9.db.shop.svc.k8s.test.', 'A', ['10.1.0.9']],
    ['db-x.db.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['db-x.db.shop.svc.k8s.test.', 'A', ['10.1.0.9'], { endpointPodNames: true }],
    ['10-1-0-1.api.shop.svc.k8s.test.', 'A', ['10.1.0.1']],
    ['out.shop.svc.k8s.test.', 'A', ['db.example.org.', '198.51.100.1']],
    ['out.shop.svc.k8s.test.', 'CNAME', ['db.example.org.']],
    ['in.shop.svc.k8s.test.', 'A', ['api.shop.svc.k8s.test.', '10.96.0.1']],
    ['gone.shop.svc.k8s.test.', 'A', 'NODATA'],
    ['loop1.shop.svc.k8s.test.', 'A', 'NODATA'],
    ['literal.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['x.out.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['_http._tcp.api.shop.svc.k8s.test.', 'SRV', ['0 50 80 api.shop.svc.k8s.test.']],
    ['_http._udp.api.shop.svc.k8s.test.', 'SRV', 'NXDOMAIN'],
    [
      '_http._tcp.db.shop.svc.k8s.test.',
      'SRV',
      ['0 50 8080 db-0.db.shop.svc.k8s.test.', '0 50 8080 10-1-0-9.db.shop.svc.k8s.test.'],
    ],
    ['out.shop.svc.k8s.test.', 'SRV', 'NODATA'],
    ['dns-version.k8s.test.', 'TXT', ['"1.1.0"']],
    ['nobody.shop.svc.k8s.test.', 'SOA', 'NODATA'],
    ['nobody.shop.svc.k8s.test.', 'HINFO', 'NXDOMAIN'],
    ['api.shop.svc.k8s.test.', 'HINFO', 'NODATA'],
    ['k8s.test.', 'AXFR', 'REFUSED'],
    ['north.pin._zone.db.shop.svc.k8s.test.', 'A', ['10.1.0.7'], { zonal: true }],
    ['north.pin._zone.db.shop.svc.k8s.test.', 'A', 'NXDOMAIN'],
    ['east.pin._zone.db.shop.svc.k8s.test.', 'TXT', 'NODATA', { zonal: true }],
    ['east.prefer._zone.db.shop.svc.k8s.test.', 'A', ['10.1.0.7', '10.1.0.9'], { zonal: true }],
    ['north.prefer._zone.db.shop.svc.k8s.test.', 'A', ['10.1.0.7'], { zonal: true }],
    ['east.pin._zone.api.shop.svc.k8s.test.', 'A', 'NXDOMAIN', { zonal: true }],
  ])('%s %s', (name, type, expected, config) => {
    expect(data(name, type, config)).toEqual(expected);
  });
});

describe('pods', () => {
  const name = '10-1-0-1.shop.pod.k8s.test.';
  test.each<[string, KubernetesZones['pods'], string[] | string]>([
    [name, 'disabled', 'NXDOMAIN'],
    [name, 'insecure', ['10.1.0.1']],
    [name, 'verified', ['10.1.0.1']],
    ['10-1-0-2.shop.pod.k8s.test.', 'insecure', ['10.1.0.2']],
    // It has ended.
    ['10-1-0-2.shop.pod.k8s.test.', 'verified', 'NXDOMAIN'],
    ['10-1-0.shop.pod.k8s.test.', 'insecure', 'NXDOMAIN'],
    ['10-1-0-1.other.pod.k8s.test.', 'insecure', 'NXDOMAIN'],
    ['shop.pod.k8s.test.', 'insecure', 'NODATA'],
  ])('%s with pods %s', (asked, pods, expected) => {
    expect(data(asked, 'A', { pods })).toEqual(expected);
  });
});

test('addresses have names: of their Service, or of the endpoint', () => {
  expect(data(reverseName('10.96.0.1') as string, 'PTR')).toEqual(['api.shop.svc.k8s.test.']);
  expect(data(reverseName('10.1.0.7') as string, 'PTR')).toEqual(['db-0.db.shop.svc.k8s.test.']);
  expect(data(reverseName('10.1.0.8') as string, 'PTR')).toBe('NXDOMAIN');
  expect(ask(reverseName('192.0.2.1') as string, 'PTR')).toBeUndefined();
  const zones = ['k8s.test.', 'ip6.arpa.'];
  expect(data(reverseName('fd00::1') as string, 'PTR', { zones })).toEqual(['api.shop.svc.k8s.test.']);
  expect(data('0.0.d.f.ip6.arpa.', 'PTR', { zones })).toBe('NXDOMAIN');
  expect(reverseName('2001:db8::1')).toBe('1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.');
});

test('what does not exist is said with the zone in the letters of the question, and handed on with fallthrough', () => {
  expect(ask('x.K8S.test.')?.authority).toEqual([
    { name: 'K8S.test.', type: 'SOA', ttl: 5, rdata: 'ns.dns.K8S.test. hostmaster.K8S.test. * 7200 1800 86400 5' },
  ]);
  expect(ask('x.k8s.test.', 'A', { ttl: 900 })?.authority[0]?.ttl).toBe(300);
  expect(ask('x.k8s.test.', 'A', { fallthrough: ['k8s.test.'] })).toBeUndefined();
  expect(ask('x.k8s.test.', 'A', { fallthrough: ['arpa.'] })?.rcode).toBe('NXDOMAIN');
  expect(data('x.k8s.test.', 'A', { synced: false })).toBe('SERVFAIL');
});

test('the server names itself by the Service that it is an endpoint of', () => {
  expect(data('k8s.test.', 'NS', { ownAddresses: ['10.1.0.1'] })).toEqual(['api.shop.svc.k8s.test.']);
  expect(data('k8s.test.', 'NS', { ownAddresses: ['192.0.2.7'] })).toEqual(['ns.dns.k8s.test.']);
  expect(data('ns.dns.k8s.test.', 'A', { ownAddresses: ['192.0.2.7'] })).toEqual(['192.0.2.7']);
});
