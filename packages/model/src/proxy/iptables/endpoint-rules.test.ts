import { describe, expect, it } from 'vitest';
import { service, slice } from '../cluster.fixture.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import { servicePorts } from '../service-ports.ts';
import { ChainMaker } from './chains.ts';
import { endpointChain, endpointChoice } from './endpoint-chains.ts';
import { EndpointRules } from './endpoint-rules.ts';
import { IptablesPort } from './port.ts';

const affinity = (timeoutSeconds: number) => ({
  sessionAffinity: 'ClientIP' as const,
  sessionAffinityConfig: { clientIP: { timeoutSeconds } },
});
const v4 = Array.from({ length: 7 }, (_, i) => ({ ip: `10.0.${i}.${200 + i}`, node: 'n1' }));
const v6 = Array.from({ length: 3 }, (_, i) => ({ ip: `fd00::${i + 1}`, node: 'n1' }));

describe('rules about one endpoint are what iptables reads of the words', () => {
  it.each([
    ['plain', 'shop/api', {}, v4, 'IPv4', false],
    ['one endpoint', 'shop/api', {}, v4.slice(0, 1), 'IPv4', false],
    ['without comments', 'shop/api', {}, v4, 'IPv4', true],
    ['with affinity', 'shop/api', affinity(600), v4, 'IPv4', false],
    ['with affinity, without comments', 'shop/api', affinity(1), v4, 'IPv4', true],
    ['with a time that iptables refuses', 'shop/api', affinity(0), v4, 'IPv4', false],
    ['a long name', `${'n'.repeat(63)}/${'s'.repeat(63)}`, {}, v4, 'IPv4', false],
    ['IPv6', 'shop/api', { clusterIP: 'fd00:96::1' }, v6, 'IPv6', false],
    ['IPv6 with affinity', 'shop/api', { clusterIP: 'fd00:96::1', ...affinity(600) }, v6, 'IPv6', false],
  ] as const)('%s', (_, name, spec, pods, family, isLarge) => {
    const make = () => new ChainMaker(family === 'IPv4' ? 'ip' : 'ip6', () => {});
    for (const protocol of ['TCP', 'UDP'] as const) {
      const ports = [{ name: 'http', protocol, port: 80, targetPort: 8080 }];
      const [info] = servicePorts([service(name, { ...spec, ports })], family).values();
      if (!info) throw new Error('no service port');
      const [endpoints = []] = endpointsByServicePort([slice(name, [...pods], { family, protocol })], family).values();
      expect(endpoints).toHaveLength(pods.length);
      const port = new IptablesPort(info);
      const rules = new EndpointRules(port, isLarge, make());
      const chain = port.chains.cluster;
      expect(rules.choice(chain, endpoints)).toEqual(make().rules(endpointChoice(port, chain, endpoints, isLarge)));
      for (const endpoint of endpoints)
        expect(rules.endpoint(endpoint)).toEqual(make().rules(endpointChain(port, endpoint, isLarge)));
    }
  });
});
