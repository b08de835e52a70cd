/** The cluster's DNS: what its server answers, and what clients ask it. */
export { defaultZones, type KubernetesZones } from './candidates.ts';
export { answerExternal, type ExternalZones } from './k8s-external.ts';
export { answerKubernetes } from './kubernetes.ts';
export { DnsObjects, type DnsSource, dnsObjectsOf, type ServiceImport } from './objects.ts';
export type { DnsCode, DnsLookup, DnsQuestion, DnsRecord, DnsResponse } from './record.ts';
export {
  dnsTypeOf,
  fitNameservers,
  fitSearches,
  formerSearchLimits,
  mergeOptions,
  parseResolvConf,
  podResolvConf,
  type ResolvConf,
  searchLimits,
} from './resolv-conf.ts';
export { type Asker, type DnsAnswer, resolveName } from './resolve-name.ts';
