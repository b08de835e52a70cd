import type { Kind } from '../runner/contract.ts';
import { apiValidation } from './api-validation.ts';
import { apiValidationManifests } from './api-validation-manifests.ts';
import { cniReal } from './cni-real/cni-real.ts';
import { controlPlane } from './control-plane.ts';
import { controlPlaneSteps } from './control-plane-steps.ts';
import { dns } from './dns.ts';
import { endpointSlice } from './endpointslice.ts';
import { iptablesRule } from './iptables-rule.ts';
import { iptablesTranslate } from './iptables-translate.ts';
import { kernelNatFlow } from './kernel-nat-flow.ts';
import { kernelRoute } from './kernel-route.ts';
import { kubeProxyConntrack } from './kube-proxy-conntrack.ts';
import { kubeProxyDetectLocal } from './kube-proxy-detect-local.ts';
import { kubeProxyEndpoints } from './kube-proxy-endpoints.ts';
import { kubeProxyFlow } from './kube-proxy-flow.ts';
import { kubeProxyFlows } from './kube-proxy-flows.ts';
import { kubeProxyHealthCheck } from './kube-proxy-healthcheck.ts';
import { kubeProxyIpvs } from './kube-proxy-ipvs.ts';
import { kubeProxyNames } from './kube-proxy-names.ts';
import { kubeProxyNodePortAddresses } from './kube-proxy-nodeport-addresses.ts';
import { kubeProxyReal } from './kube-proxy-real.ts';
import { kubeProxyRules } from './kube-proxy-rules.ts';
import { kubeProxyTracking } from './kube-proxy-tracking.ts';
import { lbTables } from './lb-tables.ts';
import { manifests } from './manifests.ts';
import { nftRuleJson } from './nft-rule-json.ts';
import { resolvConf } from './resolv-conf.ts';
import { trouble } from './trouble.ts';

/** Every kind of suite that can be judged, one module each, in the order of their names. */
const kinds: readonly Kind[] = [
  apiValidation,
  apiValidationManifests,
  cniReal,
  controlPlane,
  controlPlaneSteps,
  dns,
  endpointSlice,
  iptablesRule,
  iptablesTranslate,
  kernelNatFlow,
  kernelRoute,
  kubeProxyConntrack,
  kubeProxyDetectLocal,
  kubeProxyEndpoints,
  kubeProxyFlow,
  kubeProxyFlows,
  kubeProxyHealthCheck,
  kubeProxyIpvs,
  kubeProxyNames,
  kubeProxyNodePortAddresses,
  kubeProxyReal,
  kubeProxyRules,
  kubeProxyTracking,
  lbTables,
  manifests,
  nftRuleJson,
  resolvConf,
  trouble,
];

export function kindNamed(name: string): Kind | undefined {
  return kinds.find((kind) => kind.kind === name);
}
