/** NetworkPolicies, Ingresses and IngressClasses: networking/v1/types.go. */
import { typedLocalObjectReference } from './core-refs.ts';
import { type Draft, labelSelector, root } from './meta.ts';
import { intOrString } from './scalars.ts';
import { always, embedded, int32, list, type Of, pointer, string, struct, text } from './type.ts';

const networkPolicyPort = struct('v1.NetworkPolicyPort', {
  protocol: pointer(text('v1.Protocol')),
  port: pointer(intOrString),
  endPort: pointer(int32),
});

const ipBlock = struct('v1.IPBlock', {
  cidr: always(string),
  except: list(string),
});

const networkPolicyPeer = struct('v1.NetworkPolicyPeer', {
  podSelector: pointer(labelSelector),
  namespaceSelector: pointer(labelSelector),
  ipBlock: pointer(ipBlock),
});

const networkPolicyIngressRule = struct('v1.NetworkPolicyIngressRule', {
  ports: list(networkPolicyPort),
  from: list(networkPolicyPeer),
});

const networkPolicyEgressRule = struct('v1.NetworkPolicyEgressRule', {
  ports: list(networkPolicyPort),
  to: list(networkPolicyPeer),
});

const networkPolicySpec = struct('v1.NetworkPolicySpec', {
  podSelector: always(labelSelector),
  ingress: list(networkPolicyIngressRule),
  egress: list(networkPolicyEgressRule),
  policyTypes: list(text('v1.PolicyType')),
});

export type PolicyPort = Of<typeof networkPolicyPort>;
export type PolicyPeer = Of<typeof networkPolicyPeer>;

export const networkPolicy = root('v1.NetworkPolicy', {
  spec: networkPolicySpec,
});

export type NetworkPolicy = Draft & Of<typeof networkPolicy>;

const serviceBackendPort = struct('v1.ServiceBackendPort', {
  name: string,
  number: int32,
});

const ingressServiceBackend = struct('v1.IngressServiceBackend', {
  name: always(string),
  port: serviceBackendPort,
});

const ingressBackend = struct('v1.IngressBackend', {
  service: pointer(ingressServiceBackend),
  resource: pointer(typedLocalObjectReference),
});

const ingressTLS = struct('v1.IngressTLS', {
  hosts: list(string),
  secretName: string,
});

const httpIngressPath = struct('v1.HTTPIngressPath', {
  path: string,
  pathType: always(pointer(text('v1.PathType'))),
  backend: always(ingressBackend),
});

const httpIngressRuleValue = struct('v1.HTTPIngressRuleValue', {
  paths: always(list(httpIngressPath)),
});

const ingressRuleValueFields = {
  http: pointer(httpIngressRuleValue),
};

const ingressRule = struct('v1.IngressRule', {
  host: string,
  ...embedded('IngressRuleValue', ingressRuleValueFields),
});

const ingressSpec = struct('v1.IngressSpec', {
  ingressClassName: pointer(string),
  defaultBackend: pointer(ingressBackend),
  tls: list(ingressTLS),
  rules: list(ingressRule),
});

const ingressPortStatus = struct('v1.IngressPortStatus', {
  port: always(int32),
  protocol: always(text('v1.Protocol')),
  error: pointer(string),
});

const ingressLoadBalancerIngress = struct('v1.IngressLoadBalancerIngress', {
  ip: string,
  hostname: string,
  ports: list(ingressPortStatus),
});

const ingressLoadBalancerStatus = struct('v1.IngressLoadBalancerStatus', {
  ingress: list(ingressLoadBalancerIngress),
});

const ingressStatus = struct('v1.IngressStatus', {
  loadBalancer: ingressLoadBalancerStatus,
});

export type IngressBackend = Of<typeof ingressBackend>;

export const ingress = root('v1.Ingress', {
  spec: ingressSpec,
  status: ingressStatus,
});

export type Ingress = Draft & Of<typeof ingress>;

const ingressClassParametersReference = struct('v1.IngressClassParametersReference', {
  apiGroup: pointer(string),
  kind: always(string),
  name: always(string),
  scope: always(pointer(string)),
  namespace: pointer(string),
});

const ingressClassSpec = struct('v1.IngressClassSpec', {
  controller: string,
  parameters: pointer(ingressClassParametersReference),
});

export const ingressClass = root('v1.IngressClass', {
  spec: ingressClassSpec,
});

export type IngressClass = Draft & Of<typeof ingressClass>;
