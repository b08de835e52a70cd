/** What the kube-proxy suites with a whole state have in common, and how it becomes the compiler's input. */
import {
  type EndpointSlice,
  endpointsByServicePort,
  type IPFamily,
  type IptablesSettings,
  type LocalDetector,
  nodePortAddressesOf,
  type RestoreInput,
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
    nfacctCounters: Record<string, boolean>;
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

function settingsOf({ config, ipFamily }: ProxyCase): IptablesSettings {
  const { nfacctCounters, nodePortAddresses, localhostNodePorts, largeClusterMode: _, ...rest } = config;
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
  const { node, sync, ipFamily } = row;
  const updated = new Set([...(sync.updatedServices ?? []), ...(sync.updatedEndpoints ?? [])]);
  return {
    ports: servicePorts(row.services ?? [], ipFamily),
    endpoints: endpointsByServicePort(row.endpointSlices ?? [], ipFamily),
    settings: settingsOf(row),
    place: { nodeName: node.name, zone: node.topologyLabels?.['topology.kubernetes.io/zone'] ?? '' },
    nodeIP: node.ip,
    interfaceAddresses: node.interfaceAddresses,
    sync: {
      existingChains: full ? [] : (sync.existingServiceChains ?? []),
      // Cases do not tell the time. A change is synced at once, well within the period; without one, it is the period that has passed.
      hasDeletedLately: !sync.full && updated.size > 0,
      ...(full || sync.full ? {} : { updated }),
    },
  };
}
