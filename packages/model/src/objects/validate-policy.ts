import { containsPrefix } from '../net/cidr.ts';
import type { Findings, Path } from './findings.ts';
import type { LabelSelector, NetworkPolicy } from './kube.ts';

/** The parts of a rule as far as they are checked; their types may still be wrong. */
interface Rule {
  from?: unknown;
  to?: unknown;
  ports?: unknown;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function records(value: unknown): [index: number, record: Record<string, unknown>][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((member, index): [number, Record<string, unknown>][] =>
    isRecord(member) ? [[index, member]] : [],
  );
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** apimachinery/pkg/apis/meta/v1/validation: a selector's expressions. */
function validateSelector(selector: LabelSelector | undefined, path: Path, findings: Findings): void {
  findings.labels([...path, 'matchLabels'], selector?.matchLabels);
  selector?.matchExpressions?.forEach(({ key, operator, values = [] }, index) => {
    const at = [...path, 'matchExpressions', index];
    findings.labels(at, { [key]: '' });
    for (const [position, value] of values.entries()) findings.labelValue([...at, 'values', position], value);
    findings.word([...at, 'operator'], operator, operators);
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues && values.length === 0) {
      findings.add([...at, 'values'], 'missing-field', `${operator} needs values to compare with`, 'Add values.');
    } else if (!needsValues && operators.includes(operator) && values.length > 0) {
      findings.contradiction([...at, 'values'], `${operator} compares with no values`, 'Remove values, or use In.');
    }
  });
}

/** A selector whose types nobody has checked. */
function checkSelector(selector: Record<string, unknown>, path: Path, findings: Findings): void {
  const matchExpressions = records(selector.matchExpressions).flatMap(([, { key, operator, values }]) => {
    if (typeof key !== 'string' || typeof operator !== 'string') return [];
    const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
    return [{ key, operator: operator as 'In', values: texts }];
  });
  const matchLabels = isRecord(selector.matchLabels) ? (selector.matchLabels as Record<string, string>) : {};
  validateSelector({ matchLabels, matchExpressions }, path, findings);
}

function checkBlock(block: Record<string, unknown>, path: Path, findings: Findings): void {
  if (typeof block.cidr !== 'string' || block.cidr === '') {
    findings.add([...path, 'cidr'], 'missing-field', 'an ipBlock needs a cidr', 'Add it.');
    return;
  }
  const outer = findings.cidr([...path, 'cidr'], block.cidr);
  if (!Array.isArray(block.except)) return;
  block.except.forEach((text, index) => {
    if (typeof text !== 'string') return;
    const at = [...path, 'except', index];
    const inner = findings.cidr(at, text);
    if (inner === undefined || outer === undefined) return;
    const isInside = inner.family === outer.family && inner.length > outer.length && containsPrefix(outer, inner);
    if (!isInside)
      findings.contradiction(
        at,
        `${text} lies not within ${String(block.cidr)}`,
        'Except a part of the cidr, or remove it.',
      );
  });
}

function checkPeer(peer: Record<string, unknown>, path: Path, findings: Findings): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const selects = isRecord(podSelector) || isRecord(namespaceSelector);
  for (const [field, selector] of Object.entries({ podSelector, namespaceSelector })) {
    if (isRecord(selector)) checkSelector(selector, [...path, field], findings);
  }
  if (isRecord(ipBlock)) {
    if (selects)
      findings.contradiction(path, 'a peer is an ipBlock or selects pods, not both', 'Make two peers of it.');
    checkBlock(ipBlock, [...path, 'ipBlock'], findings);
  } else if (!selects) {
    findings.add(path, 'missing-field', 'a peer must say who it is', 'Add podSelector, namespaceSelector or ipBlock.');
  }
}

function checkPort(port: Record<string, unknown>, path: Path, findings: Findings): void {
  if (typeof port.protocol === 'string') findings.word([...path, 'protocol'], port.protocol, ['TCP', 'UDP', 'SCTP']);
  const { port: from, endPort: to } = port;
  if (typeof from === 'number' || typeof from === 'string') findings.port([...path, 'port'], from);
  if (typeof to !== 'number') return;
  findings.port([...path, 'endPort'], to);
  if (typeof from !== 'number') {
    findings.contradiction(
      [...path, 'endPort'],
      'a range needs a port number to begin with',
      'Write port as a number.',
    );
  } else if (to < from) {
    findings.contradiction([...path, 'endPort'], `the range ends before its port, ${from}`, 'Exchange them.');
  }
}

/** pkg/apis/networking/validation:ValidateNetworkPolicy(). */
export function validatePolicy(policy: NetworkPolicy, findings: Findings): void {
  const { podSelector, policyTypes = [], ingress, egress } = policy.spec ?? {};
  for (const [index, type] of policyTypes.entries()) {
    findings.word(['spec', 'policyTypes', index], type, ['Ingress', 'Egress']);
  }
  validateSelector(podSelector, ['spec', 'podSelector'], findings);
  for (const [direction, rules] of [
    ['ingress', ingress],
    ['egress', egress],
  ] as const) {
    const peers = direction === 'ingress' ? 'from' : 'to';
    for (const [index, rule] of records(rules) as [number, Rule][]) {
      const path = ['spec', direction, index];
      for (const [at, peer] of records(rule[peers])) checkPeer(peer, [...path, peers, at], findings);
      for (const [at, port] of records(rule.ports)) checkPort(port, [...path, 'ports', at], findings);
    }
  }
}
