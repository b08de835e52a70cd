/** NetworkPolicies: pkg/apis/networking/validation/validation.go. */
import { containsPrefix } from '../../net/cidr.ts';
import { parseRange, validateLegacyCIDR } from '../meta/addresses.ts';
import { validateLabelSelector } from '../meta/labels.ts';
import { isPortName, isPortNumber, nameIsDNSSubdomain } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { NetworkPolicy, PolicyPeer, PolicyPort } from '../schema/networking.ts';
import { FieldErrors } from '../status/field-errors.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const TYPES = ['Ingress', 'Egress'];

function validatePort({ protocol, port, endPort }: PolicyPort, at: string, errors: FieldErrors): void {
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    errors.notSupported(`${at}.protocol`, protocol, PROTOCOLS);
  const end = `${at}.endPort`;
  if (typeof port === 'string') {
    if (endPort !== undefined) errors.invalid(end, endPort, 'may not be specified when `port` is non-numeric');
    errors.invalidEach(`${at}.port`, port, isPortName(port));
    return;
  }
  if (port === undefined) {
    if (endPort !== undefined) errors.invalid(end, endPort, 'may not be specified when `port` is not specified');
    return;
  }
  errors.invalidEach(`${at}.port`, port, isPortNumber(port));
  if (endPort === undefined) return;
  // The server shows the first port here, not the last one.
  if (endPort < port) errors.invalid(end, port, 'must be greater than or equal to `port`');
  errors.invalidEach(end, endPort, isPortNumber(endPort));
}

type IPBlock = NonNullable<PolicyPeer['ipBlock']>;

function validateIPBlock(
  { cidr, except }: IPBlock,
  at: string,
  accepted: readonly string[],
  errors: FieldErrors,
): void {
  if (cidr === '') {
    errors.required(`${at}.cidr`);
    return;
  }
  validateLegacyCIDR(cidr, `${at}.cidr`, errors, accepted);
  const outer = parseRange(cidr);
  if (outer === undefined) return;
  for (const [index, text] of (except ?? []).entries()) {
    const place = `${at}.except[${index}]`;
    validateLegacyCIDR(text, place, errors, accepted);
    const inner = parseRange(text);
    if (inner === undefined) continue;
    const isInside = inner.family === outer.family && inner.length > outer.length && containsPrefix(outer, inner);
    if (!isInside) errors.invalid(place, text, 'must be a strict subset of `cidr`');
  }
}

/** What an update may keep, although a new policy might not have it. */
interface Leniency {
  labelValues: boolean;
  cidrs: readonly string[];
}

const STRICT: Leniency = { labelValues: false, cidrs: [] };

function validatePeer(peer: PolicyPeer, at: string, leniency: Leniency, errors: FieldErrors): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  validateLabelSelector(podSelector, `${at}.podSelector`, errors, leniency.labelValues);
  validateLabelSelector(namespaceSelector, `${at}.namespaceSelector`, errors, leniency.labelValues);
  if (ipBlock !== undefined) validateIPBlock(ipBlock, `${at}.ipBlock`, leniency.cidrs, errors);
  const count = [podSelector, namespaceSelector, ipBlock].filter((part) => part !== undefined).length;
  if (count === 0) errors.required(at, 'must specify a peer');
  else if (count > 1 && ipBlock !== undefined) errors.forbidden(at, 'may not specify both ipBlock and another peer');
}

function validateSpec({ spec }: NetworkPolicy, leniency: Leniency, errors: FieldErrors): void {
  validateLabelSelector(spec.podSelector, 'spec.podSelector', errors, leniency.labelValues);
  const directions = [
    { field: 'ingress', peers: 'from', rules: spec.ingress?.map(({ ports, from }) => ({ ports, peers: from })) },
    { field: 'egress', peers: 'to', rules: spec.egress?.map(({ ports, to }) => ({ ports, peers: to })) },
  ];
  for (const { field, peers, rules = [] } of directions) {
    for (const [index, rule] of rules.entries()) {
      const at = `spec.${field}[${index}]`;
      for (const [i, port] of (rule.ports ?? []).entries()) validatePort(port, `${at}.ports[${i}]`, errors);
      for (const [i, peer] of (rule.peers ?? []).entries())
        validatePeer(peer, `${at}.${peers}[${i}]`, leniency, errors);
    }
  }
  const types = spec.policyTypes ?? [];
  if (types.length > TYPES.length) {
    errors.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes');
    return;
  }
  for (const [index, type] of types.entries())
    if (!TYPES.includes(type)) errors.notSupported(`spec.policyTypes[${index}]`, type, TYPES);
}

export function validateNetworkPolicy(policy: NetworkPolicy, errors: FieldErrors): void {
  validateObjectMeta(policy.metadata, true, nameIsDNSSubdomain, errors);
  validateSpec(policy, STRICT, errors);
}

function cidrsOf({ spec }: NetworkPolicy): string[] {
  const peers = [
    ...(spec.ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(spec.egress ?? []).flatMap(({ to }) => to ?? []),
  ];
  return peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]));
}

export function validateNetworkPolicyUpdate(policy: NetworkPolicy, before: NetworkPolicy, errors: FieldErrors): void {
  validateObjectMetaUpdate(policy.metadata, before.metadata, errors);
  const former = new FieldErrors();
  validateLabelSelector(before.spec.podSelector, '', former);
  validateSpec(policy, { labelValues: former.list.length > 0, cidrs: cidrsOf(before) }, errors);
}
