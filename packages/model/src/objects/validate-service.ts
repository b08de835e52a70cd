import { containsAddress, parseAddress } from '@podwire/engine';
import { familyOf, parseCIDR } from '../net/cidr.ts';
import type { Findings } from './findings.ts';
import type { Service } from './kube.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
/** Loopback and unspecified addresses. */
const nobody = ['127.0.0.0/8', '::1/128', '0.0.0.0/32', '::/128'].flatMap((text) => parseCIDR(text) ?? []);

type Spec = Service['spec'];

function isNobody(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && nobody.some((range) => containsAddress(range, address));
}

function checkPorts({ ports = [], type = 'ClusterIP' }: Spec, findings: Findings): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  ports.forEach((port, index) => {
    const path = ['spec', 'ports', index];
    const { name = '', protocol = 'TCP' } = port;
    findings.port([...path, 'port'], port.port);
    if (port.targetPort !== undefined && port.targetPort !== 0) findings.port([...path, 'targetPort'], port.targetPort);
    findings.word([...path, 'protocol'], port.protocol, protocols);
    findings.label([...path, 'name'], port.name);
    if (name === '' && ports.length > 1) {
      findings.add(path, 'missing-field', 'a Service with several ports needs a name for each', 'Add name.');
    } else if (names.has(name)) {
      findings.contradiction([...path, 'name'], `two ports are called ${JSON.stringify(name)}`, 'Rename one.');
    }
    names.add(name);
    const number = `${port.port}/${protocol}`;
    if (numbers.has(number)) findings.contradiction(path, `port ${number} stands here twice`, 'Remove one.');
    numbers.add(number);
    if (port.nodePort && type === 'ClusterIP') {
      findings.contradiction(
        [...path, 'nodePort'],
        'a ClusterIP Service has no node ports',
        'Make it type: NodePort, or remove nodePort.',
      );
    }
  });
}

function checkAddresses(spec: Spec, findings: Findings): void {
  const { clusterIP, clusterIPs = [], ipFamilies = [], ipFamilyPolicy, type = 'ClusterIP' } = spec;
  const isHeadless = clusterIP === 'None' || clusterIPs[0] === 'None';
  if (clusterIP && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    findings.contradiction(
      ['spec', 'clusterIPs', 0],
      `the first of clusterIPs must be the clusterIP, ${clusterIP}`,
      'Make them equal.',
    );
  }
  if (isHeadless && (type === 'NodePort' || type === 'LoadBalancer')) {
    findings.contradiction(
      ['spec', 'clusterIP'],
      `a ${type} Service cannot be headless`,
      'Remove clusterIP: None, or make it type: ClusterIP.',
    );
  }
  if (isHeadless && clusterIPs.length > 1) {
    findings.contradiction(['spec', 'clusterIPs'], 'None must be the only value', 'Remove the others.');
  }
  const given = clusterIPs.length === 0 && clusterIP ? [clusterIP] : clusterIPs;
  const families = given.map((ip) => (parseAddress(ip) === undefined ? undefined : familyOf(ip)));
  families.forEach((family, index) => {
    const wanted = ipFamilies[index];
    const path = clusterIPs.length === 0 ? ['spec', 'clusterIP'] : ['spec', 'clusterIPs', index];
    if (family === undefined) return;
    if (families.indexOf(family) !== index) {
      findings.contradiction(path, `a Service has one ${family} address`, 'Remove one.');
    } else if (wanted !== undefined && wanted !== family) {
      findings.contradiction(
        path,
        `ipFamilies wants an ${wanted} address here`,
        'Bring both lists into the same order.',
      );
    }
  });
  ipFamilies.forEach((family, index) => {
    const path = ['spec', 'ipFamilies', index];
    findings.word(path, family, ['IPv4', 'IPv6']);
    if (ipFamilies.indexOf(family) !== index)
      findings.contradiction(path, `${family} stands here twice`, 'Remove one.');
  });
  findings.word(['spec', 'ipFamilyPolicy'], ipFamilyPolicy, ['SingleStack', 'PreferDualStack', 'RequireDualStack']);
  if ((ipFamilyPolicy ?? 'SingleStack') === 'SingleStack' && (ipFamilies.length > 1 || clusterIPs.length > 1)) {
    const mend = 'Set ipFamilyPolicy: PreferDualStack or RequireDualStack.';
    findings.contradiction(['spec', 'ipFamilyPolicy'], 'a single-stack Service has one address family', mend);
  }
}

function checkExternal(spec: Spec, findings: Findings): void {
  const { type = 'ClusterIP', externalIPs = [], loadBalancerSourceRanges = [] } = spec;
  externalIPs.forEach((ip, index) => {
    const path = ['spec', 'externalIPs', index];
    findings.address(path, ip);
    if (isNobody(ip))
      findings.add(path, 'bad-address', `${ip} is nobody's address`, 'Write an address that is routed to the nodes.');
  });
  loadBalancerSourceRanges.forEach((range, index) => {
    findings.cidr(['spec', 'loadBalancerSourceRanges', index], range);
  });
  const isReachable =
    type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0);
  if (spec.externalTrafficPolicy !== undefined && !isReachable) {
    const mend = 'Remove it, or make it type: NodePort or LoadBalancer.';
    findings.contradiction(['spec', 'externalTrafficPolicy'], 'nothing reaches this Service from outside', mend);
  }
  if (type === 'LoadBalancer') return;
  for (const field of ['loadBalancerSourceRanges', 'loadBalancerClass'] as const) {
    const value = spec[field];
    if (value === undefined || value.length === 0) continue;
    findings.contradiction(
      ['spec', field],
      `only a LoadBalancer Service has ${field}`,
      `Make it type: LoadBalancer, or remove ${field}.`,
    );
  }
}

function checkExternalName(
  { externalName = '', clusterIP, clusterIPs = [], ipFamilyPolicy }: Spec,
  findings: Findings,
): void {
  const name = externalName.replace(/\.$/, '');
  if (name === '') {
    findings.add(['spec', 'externalName'], 'missing-field', 'an ExternalName Service needs an externalName', 'Add it.');
  } else if (name.length > 253 || !name.split('.').every((part) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(part))) {
    const message = `${JSON.stringify(externalName)} is no DNS name`;
    findings.add(
      ['spec', 'externalName'],
      'bad-name',
      message,
      'Write a host name alone: no scheme, port, path or capitals.',
    );
  }
  if (clusterIP || clusterIPs.length > 0) {
    findings.contradiction(['spec', 'clusterIP'], 'an ExternalName Service has no clusterIP', 'Remove it.');
  }
  if (ipFamilyPolicy !== undefined) {
    findings.contradiction(['spec', 'ipFamilyPolicy'], 'an ExternalName Service has no addresses', 'Remove it.');
  }
}

/** validation.go:ValidateService(). What needs the cluster to judge (ranges, what is taken) is not judged here. */
export function validateService(service: Service, findings: Findings): void {
  const { spec } = service;
  findings.label(['metadata', 'name'], service.metadata.name);
  findings.labels(['spec', 'selector'], spec.selector);
  findings.word(['spec', 'type'], spec.type, ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']);
  findings.word(['spec', 'sessionAffinity'], spec.sessionAffinity, ['None', 'ClientIP']);
  findings.word(['spec', 'externalTrafficPolicy'], spec.externalTrafficPolicy, ['Cluster', 'Local']);
  findings.word(['spec', 'internalTrafficPolicy'], spec.internalTrafficPolicy, ['Cluster', 'Local']);
  findings.word(['spec', 'trafficDistribution'], spec.trafficDistribution, [
    'PreferClose',
    'PreferSameZone',
    'PreferSameNode',
  ]);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > 86_400)) {
    const path = ['spec', 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'];
    findings.add(path, 'bad-number', `${seconds} seconds are no affinity timeout`, 'Write 1 to 86400.');
  }
  checkPorts(spec, findings);
  checkExternal(spec, findings);
  if (spec.type === 'ExternalName') checkExternalName(spec, findings);
  else checkAddresses(spec, findings);
}
