/** Nodes: pkg/apis/core/validation/validation.go. */
import { parseRange, validateLegacyCIDR } from '../meta/addresses.ts';
import { validateLabelName } from '../meta/labels.ts';
import { isLabelValue, nameIsDNSSubdomain } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import { validateResourceQuantity } from '../meta/quantities.ts';
import type { Node, Taint } from '../schema/core-node.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import { goQuote } from '../status/go-text.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** The server calls the list `metadata.taints`, although it stands in the spec. */
function validateTaints(taints: readonly Taint[], errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, { key, value, effect, timeAdded }] of taints.entries()) {
    const at = `metadata.taints[${index}]`;
    validateLabelName(key, `${at}.key`, errors);
    const details = isLabelValue(value);
    if (details.length > 0) errors.invalid(`${at}.value`, value, details.join(';'));
    if (effect === '') errors.required(`${at}.effect`);
    else if (!EFFECTS.includes(effect)) errors.notSupported(`${at}.effect`, effect, EFFECTS);
    if (seen.has(`${effect} ${key}`)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: timeAdded ?? null };
      errors.duplicate(at, shown, 'taints must be unique by key and effect pair');
    }
    seen.add(`${effect} ${key}`);
  }
}

function validateResources({ status }: Node, errors: FieldErrors): void {
  for (const field of ['capacity', 'allocatable'] as const) {
    for (const [name, quantity] of Object.entries(status[field] ?? {}).sort())
      validateResourceQuantity(name, quantity, `status.${field}.${name}`, errors);
  }
}

function validatePodCIDRs({ spec }: Node, errors: FieldErrors): void {
  const cidrs = spec.podCIDRs ?? [];
  const at = 'spec.podCIDRs';
  for (const [index, cidr] of cidrs.entries()) validateLegacyCIDR(cidr, `${at}[${index}]`, errors);
  if (cidrs.length < 2) return;
  const families = cidrs.map((cidr) => parseRange(cidr)?.family);
  const wrong = cidrs.find((_, index) => families[index] === undefined);
  if (wrong !== undefined) {
    const why = `failed to parse CIDR value: "${wrong}"`;
    errors.internal(at, `invalid PodCIDRs. failed to check with dual stack with error:${why}`);
  }
  if (wrong !== undefined || new Set(families).size < 2 || cidrs.length > 2)
    errors.invalid(at, cidrs, 'may specify no more than one CIDR for each IP family');
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(?:\/[a-zA-Z][a-zA-Z0-9]*)*$/;

function validateDeclaredFeatures({ status }: Node, errors: FieldErrors): void {
  const features = status.declaredFeatures ?? [];
  for (const [index, feature] of features.entries()) {
    const at = `status.declaredFeatures[${index}]`;
    const opening = `invalid feature name ${goQuote(feature)}: must`;
    if (feature.length > 253) errors.invalid(at, feature, `${opening} be no more than 253 characters`);
    else if (!FEATURE.test(feature)) {
      const rest =
        "start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
      errors.invalid(at, feature, `${opening} ${rest}`);
    }
    const next = features[index + 1];
    const place = `status.declaredFeatures[${index + 1}]`;
    if (next === feature) errors.duplicate(place, next);
    else if (next !== undefined && next < feature) errors.invalid(place, next, 'list must be sorted alphabetically');
  }
}

export function validateNode(node: Node, errors: FieldErrors): void {
  validateObjectMeta(node.metadata, false, nameIsDNSSubdomain, errors);
  validateTaints(node.spec.taints ?? [], errors);
  validateResources(node, errors);
  const swap = node.status.nodeInfo.swap?.capacity;
  if (swap !== undefined && swap <= 0)
    errors.invalid('metadata.nodeSwapStatus.capacity', swap, 'must be greater than zero');
  validateDeclaredFeatures(node, errors);
  validatePodCIDRs(node, errors);
}

export function validateNodeUpdate(node: Node, before: Node, errors: FieldErrors): void {
  validateNode(node, errors);
  validateObjectMetaUpdate(node.metadata, before.metadata, errors);
  validateResources(node, errors);
  validateDeclaredFeatures(node, errors);
  const seen = new Set<string>();
  for (const [index, { type, address }] of (node.status.addresses ?? []).entries()) {
    const shown = { Type: type, Address: address };
    if (seen.has(`${type} ${address}`)) errors.duplicate(`status.addresses[${index}]`, shown);
    seen.add(`${type} ${address}`);
  }
  const [now, then] = [node.spec.podCIDRs ?? [], before.spec.podCIDRs ?? []];
  const only = 'except from "" to valid';
  const changed = then.length === now.length ? then.filter((cidr, index) => cidr !== now[index]).length : 1;
  if (then.length > 0)
    for (let i = 0; i < changed; i++) errors.forbidden('spec.podCIDRs', `node updates may not change podCIDR ${only}`);
  if (before.spec.providerID !== '' && before.spec.providerID !== node.spec.providerID)
    errors.forbidden('spec.providerID', `node updates may not change providerID ${only}`);
  validateTaints(node.spec.taints ?? [], errors);
  if (node.spec.externalID !== before.spec.externalID) errors.forbidden('spec.externalID', 'may not be updated');
}
