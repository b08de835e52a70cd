import type { KubeObject } from '@podwire/model';
import { at, Counts, isMapping, isSet, listAt, type Mapping, mappingAt } from './values.ts';

/** A value as Python's `str` writes it, which is what the counter used for values of unforeseen types. */
function text(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((member) => (typeof member === 'string' ? `'${member}'` : text(member))).join(', ')}]`;
  return String(value);
}

function countPeer(counts: Counts, peer: unknown): void {
  counts.add('peers');
  if (isMapping(peer) && 'ipBlock' in peer) {
    const block = peer.ipBlock;
    counts.add('ip_blocks');
    counts.add('ip_block_excepts', isSet(at(block, 'except')) ? 1 : 0);
    counts.add('ipv6_blocks', String(at(block, 'cidr')).includes(':') ? 1 : 0);
    return;
  }
  const parts = [
    ...(isMapping(peer) && 'podSelector' in peer ? ['pod'] : []),
    ...(isMapping(peer) && 'namespaceSelector' in peer ? ['namespace'] : []),
  ];
  counts.add(`peer ${parts.join('+') || 'empty'}`);
}

function countPort(counts: Counts, port: unknown): void {
  const number = at(port, 'port');
  counts.add('ports');
  const protocol = at(port, 'protocol');
  counts.add(`ports ${protocol === undefined || protocol === null ? 'default' : text(protocol)}`);
  counts.add('named_ports', typeof number === 'string' ? 1 : 0);
  counts.add('port_ranges', isMapping(port) && 'endPort' in port ? 1 : 0);
  counts.add('ports without number', number === undefined || number === null ? 1 : 0);
}

function countRules(counts: Counts, spec: Mapping, direction: 'ingress' | 'egress', peers: 'from' | 'to'): void {
  if (direction in spec && !isSet(spec[direction])) counts.add(`${direction} empty or null`);
  for (const rule of listAt(spec, direction)) {
    counts.add(`${direction}_rules`);
    if (!isSet(rule)) counts.add('empty_rules');
    else if (isMapping(rule) && peers in rule && !isSet(rule[peers])) counts.add('peer list empty or null');
    for (const peer of listAt(rule, peers)) countPeer(counts, peer);
    for (const port of listAt(rule, 'ports')) countPort(counts, port);
  }
}

export function countPolicies(policies: readonly KubeObject[], definitions: number): unknown {
  const counts = new Counts();
  for (const policy of policies) {
    const spec = mappingAt(policy, 'spec');
    const types = listAt(spec, 'policyTypes');
    counts.add(`types ${types.length > 0 ? types.join('+') : 'absent'}`);
    counts.add('selects_all_pods', isSet(spec.podSelector) ? 0 : 1);
    counts.add('match_expressions', isSet(at(spec, 'podSelector', 'matchExpressions')) ? 1 : 0);
    countRules(counts, spec, 'ingress', 'from');
    countRules(counts, spec, 'egress', 'to');
  }
  return { distinct: policies.length, definitions, ...counts.toJSON() };
}
