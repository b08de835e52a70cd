/** What the kube-proxy suites with a whole state have in common, and how it becomes the compiler's input. */
import {
  type EndpointSlice,
  endpointsByServicePort,
  type IPFamily,
  type IptablesSettings,
  type LocalDetector,
  type NftablesSettings,
  nodePortAddressesOf,
  type RestoreInput,
  type RulesetInput,
  type Service,
  servicePorts,
} from '@podwire/model';

export interface ProxyCase {
  id: string;
  mode: 'iptables' | 'nftables';
  ipFamily: IPFamily;
  services: Service[] | null;
  endpointSlices: EndpointSlice[] | null;
  node: {
    name: string;
    ip: string;
    interfaceAddresses: string[];
    topologyLabels: Record<string, string> | null;
  };
  config: {
    masqueradeMark: string;
    masqueradeAll: boolean;
    localDetector: LocalDetector;
    nodePortAddresses: string[];
    localhostNodePorts: boolean;
    conntrackTCPLiberal: boolean;
    /** iptables. */
    nfacctCounters?: Record<string, boolean>;
    /** nftables: what stands between the braces of the rule about unallocated cluster IPs; empty: there is none. */
    serviceCIDRs?: string;
    randomFully: boolean;
    /** What came out, not a setting. */
    largeClusterMode: boolean;
  };
  sync: {
    full: boolean;
    updatedServices?: string[];
    updatedEndpoints?: string[];
    existingServiceChains?: string[];
  };
}

/** What all modes take of a case. */
function inputOf({ services, endpointSlices, ipFamily, node }: ProxyCase) {
  return {
    ports: servicePorts(services ?? [], ipFamily),
    endpoints: endpointsByServicePort(endpointSlices ?? [], ipFamily),
    place: { nodeName: node.name, zone: node.topologyLabels?.['topology.kubernetes.io/zone'] ?? '' },
    nodeIP: node.ip,
    interfaceAddresses: node.interfaceAddresses,
  };
}

export function rulesetInput(row: ProxyCase): RulesetInput {
  const { masqueradeMark, masqueradeAll, localDetector, nodePortAddresses, serviceCIDRs = '' } = row.config;
  const settings: NftablesSettings = {
    family: row.ipFamily,
    masqueradeMark,
    masqueradeAll,
    localDetector,
    nodePortAddresses: nodePortAddressesOf(row.ipFamily, nodePortAddresses),
    serviceCIDRs,
  };
  return { ...inputOf(row), settings };
}

function settingsOf({ config, ipFamily }: ProxyCase): IptablesSettings {
  const { nfacctCounters = {}, nodePortAddresses, localhostNodePorts, largeClusterMode: _, ...rest } = config;
  const addresses = nodePortAddressesOf(ipFamily, nodePortAddresses);
  return {
    ...rest,
    family: ipFamily,
    localhostNodePorts,
    nodePortAddresses: addresses,
    nfacct: {
      invalidDropped: nfacctCounters.ct_state_invalid_dropped_pkts ?? false,
      localhostNodePorts: nfacctCounters.localhost_nps_accepted_pkts ?? false,
    },
  };
}

/** @param full Every chain, as if nothing had been there: the state that the case's own sync leads to. */
export function restoreInput(row: ProxyCase, full: boolean): RestoreInput {
  const { sync } = row;
  const updated = new Set([...(sync.updatedServices ?? []), ...(sync.updatedEndpoints ?? [])]);
  return {
    ...inputOf(row),
    settings: settingsOf(row),
    sync: {
      existingChains: full ? [] : (sync.existingServiceChains ?? []),
      // Cases do not tell the time. A change is synced at once, well within the period; without one, it is the period that has passed.
      hasDeletedLately: !sync.full && updated.size > 0,
      ...(full || sync.full ? {} : { updated }),
    },
  };
}
