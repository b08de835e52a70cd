import { describe, expect, test } from 'vitest';
import { QuestionError } from './question-error.ts';
import { parseReference } from './reference.ts';

describe('parseReference', () => {
  test.each([
    ['shop/web-7d9f', { target: { kind: 'name', namespace: 'shop', name: 'web-7d9f' } }],
    ['web', { target: { kind: 'name', name: 'web' } }],
    ['pod/web', { target: { kind: 'object', of: 'pod', name: 'web' } }],
    ['po/shop/web', { target: { kind: 'object', of: 'pod', namespace: 'shop', name: 'web' } }],
    ['deploy/web', { target: { kind: 'object', of: 'Deployment', name: 'web' } }],
    ['STS/db', { target: { kind: 'object', of: 'StatefulSet', name: 'db' } }],
    ['svc/api:http', { target: { kind: 'object', of: 'service', name: 'api' }, port: 'http' }],
    ['svc/api:80', { target: { kind: 'object', of: 'service', name: 'api' }, port: 80 }],
    ['tcp:api.shop:80', { target: { kind: 'name', name: 'api.shop' }, protocol: 'tcp', port: 80 }],
    [
      'udp:kube-dns.kube-system.svc.cluster.local:53',
      { target: { kind: 'name', name: 'kube-dns.kube-system.svc.cluster.local' }, protocol: 'udp', port: 53 },
    ],
    ['10.0.0.1', { target: { kind: 'address', address: '10.0.0.1' } }],
    ['10.0.0.1:80', { target: { kind: 'address', address: '10.0.0.1' }, port: 80 }],
    ['fd00::1', { target: { kind: 'address', address: 'fd00::1' } }],
    ['[fd00::1]', { target: { kind: 'address', address: 'fd00::1' } }],
    ['[fd00::1]:53', { target: { kind: 'address', address: 'fd00::1' }, port: 53 }],
    ['udp:[fd00::1]:53', { target: { kind: 'address', address: 'fd00::1' }, protocol: 'udp', port: 53 }],
    ['node/worker-1:30080', { target: { kind: 'object', of: 'node', name: 'worker-1' }, port: 30080 }],
    ['external', { target: { kind: 'external' } }],
    ['external:53', { target: { kind: 'external' }, port: 53 }],
    ['external:203.0.113.9', { target: { kind: 'external', address: '203.0.113.9' } }],
    ['external:[2001:db8::1]:443', { target: { kind: 'external', address: '2001:db8::1' }, port: 443 }],
    ['icmp:shop/web', { target: { kind: 'name', namespace: 'shop', name: 'web' }, protocol: 'icmp' }],
    ['http://api.shop/health?x=1', { target: { kind: 'name', name: 'api.shop' }, protocol: 'tcp', port: 80 }],
    ['https://api.shop:8443/health', { target: { kind: 'name', name: 'api.shop' }, protocol: 'tcp', port: 8443 }],
  ])('%s', (text, expected) => {
    expect(parseReference(text)).toEqual({ text, ...expected });
  });

  test.each([
    ['', 'is empty'],
    ['10.0.0.0/8', 'is a range of addresses'],
    ['010.0.0.1', 'names no IPv4 address'],
    ['10.0.0.1:99999', 'ports go from 1 to 65535'],
    ['10.0.0.1:0', 'ports go from 1 to 65535'],
    ['10.0.0.256:80', 'names no IPv4 address'],
    ['fd00::1::2', 'more than one colon'],
    ['[fd00:::1]:80', 'no address between the brackets'],
    ['svc/api:', 'no port after the last colon'],
    ['svc/api:-', 'no port after the last colon'],
    ['a/b/c/d', 'is no reference'],
    ['shop/', 'is no reference'],
    ['we b', 'holds a name no object can have'],
    ['ingress/shop', 'is no end of a connection'],
    ['gadget/shop/web', 'is no kind an end can have'],
    ['node/shop/web', 'puts a node into a namespace'],
    ['icmp:10.0.0.1:80', 'gives ICMP a port'],
    ['external:example', 'names no address outside'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseReference(text)).toThrowError(why);
    try {
      parseReference(text);
    } catch (error) {
      expect(error).toBeInstanceOf(QuestionError);
      expect((error as QuestionError).mend).toMatch(/\.$/);
    }
  });
});
