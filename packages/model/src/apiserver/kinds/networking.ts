/** networking.k8s.io: NetworkPolicies, Ingresses and IngressClasses. */
import { bumpGeneration } from '../meta/generation.ts';
import {
  type Ingress,
  type IngressClass,
  ingress,
  ingressClass,
  type NetworkPolicy,
  networkPolicy,
  type PolicyPort,
} from '../schema/networking.ts';
import {
  validateIngress,
  validateIngressClass,
  validateIngressClassUpdate,
  validateIngressUpdate,
} from '../validate/ingress.ts';
import { validateNetworkPolicy, validateNetworkPolicyUpdate } from '../validate/network-policy.ts';
import type { KindRules } from './kind-rules.ts';

function setPortDefaults(ports: PolicyPort[] | undefined): void {
  for (const port of ports ?? []) port.protocol ??= 'TCP';
}

export const networkPolicies: KindRules<NetworkPolicy> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  type: networkPolicy,
  setDefaults({ spec }) {
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) setPortDefaults(ports);
    if ((spec.policyTypes ?? []).length > 0) return;
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  prepareForCreate({ metadata }) {
    metadata.generation = 1;
  },
  prepareForUpdate(policy, before) {
    bumpGeneration(policy, before, ({ spec }) => spec);
  },
  validate: validateNetworkPolicy,
  validateUpdate: validateNetworkPolicyUpdate,
};

const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';

export const ingresses: KindRules<Ingress> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  type: ingress,
  /** plugin/pkg/admission/network/defaultingressclass: the newest default class; here the one that came last. */
  admit(draft, before, request) {
    const { spec, metadata } = draft;
    const isSaid = spec.ingressClassName !== undefined || 'kubernetes.io/ingress.class' in (metadata.annotations ?? {});
    if (before !== undefined || isSaid) return;
    const classes = request.all('IngressClass').filter((one) => one.metadata.annotations?.[DEFAULT_CLASS] === 'true');
    spec.ingressClassName = classes.at(-1)?.metadata.name;
  },
  prepareForCreate(draft) {
    draft.status = ingress.zero().status;
    draft.metadata.generation = 1;
  },
  prepareForUpdate(draft, before) {
    draft.status = before.status;
    bumpGeneration(draft, before, ({ spec }) => spec);
  },
  validate: validateIngress,
  validateUpdate: validateIngressUpdate,
};

export const ingressClasses: KindRules<IngressClass> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  type: ingressClass,
  setDefaults({ spec }) {
    if (spec.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
  },
  prepareForCreate({ metadata }) {
    metadata.generation = 1;
  },
  prepareForUpdate(draft, before) {
    bumpGeneration(draft, before, ({ spec }) => spec);
  },
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
};
