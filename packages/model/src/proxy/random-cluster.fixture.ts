/** Random Services, endpoints and configurations. */
import type { EndpointSlice, Service } from '../objects/kube.ts';
import { CONFIG, service, slice } from './cluster.fixture.ts';
import type { ProxyConfig, ProxyObjects } from './proxy.ts';

/** mulberry32. */
function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Services of every sort with endpoints on the nodes of `NODES` and elsewhere, and a configuration. */
export function randomCluster(seed: number): { objects: ProxyObjects; config: ProxyConfig } {
  const dice = random(seed);
  const chance = (percent: number) => dice(100) < percent;
  const pick = <T>(...options: T[]): T => options[dice(options.length)] as T;
  const services: Service[] = [];
  const endpointSlices: EndpointSlice[] = [];
  for (let s = 0; s < 6; s++) {
    const six = chance(30);
    const name = `ns${dice(2)}/s${s}`;
    const type = pick('ClusterIP', 'NodePort', 'LoadBalancer');
    const spec: Partial<Service['spec']> = {
      type,
      clusterIP: six ? `fd00:96::${s + 1}` : `10.96.0.${s + 1}`,
      ports: [{ name: 'http', protocol: 'TCP', port: 80, ...(type !== 'ClusterIP' && { nodePort: 30000 + s }) }],
      externalTrafficPolicy: pick('Cluster', 'Local'),
      internalTrafficPolicy: chance(30) ? 'Local' : 'Cluster',
      sessionAffinity: chance(20) ? 'ClientIP' : 'None',
      ...(chance(20) && { externalIPs: [six ? '2001:db8:e::1' : `198.51.100.${s}`] }),
      ...(chance(40) && { loadBalancerSourceRanges: [pick('192.0.2.2/31', '203.0.113.0/24', '2001:db8::4/127')] }),
    };
    services.push(service(name, spec, type === 'LoadBalancer' ? [six ? `2001:db8:1::${s}` : `203.0.113.${s}`] : []));
    const hints = pick('none', 'zones', 'nodes', 'some');
    const sketches = Array.from({ length: dice(6) }, (_, e) => {
      const ready = chance(75);
      return {
        ip: six ? `fd00:244:${s}::${e + 1}` : `10.244.${s}.${e + 1}`,
        ready,
        ...(chance(90) && { node: pick('n1', 'n2', 'n3', 'n5') }),
        ...(!ready && { serving: chance(60), terminating: chance(70) }),
        ...((hints === 'zones' || (hints === 'some' && chance(50))) && { zones: [pick('z1', 'z2', 'z3')] }),
        ...(hints === 'nodes' && { nodes: [pick('n1', 'n3', 'n5')], zones: ['z1'] }),
      };
    });
    endpointSlices.push(slice(name, sketches, { family: six ? 'IPv6' : 'IPv4' }));
  }
  const config: ProxyConfig = {
    ...CONFIG,
    detectLocalMode: pick('ClusterCIDR', 'NodeCIDR'),
    clusterCIDRs: pick([], ['10.244.0.0/16'], ['10.244.0.0/16', 'fd00:244::/32']),
    nodePortAddresses: pick([], ['primary'], ['192.0.2.0/30', '127.0.0.0/8'], ['2001:db8::/32']),
    masqueradeAll: chance(20),
    localhostNodePorts: chance(70),
    nfacctCounters: chance(50),
  };
  return { objects: { services, endpointSlices }, config };
}
