/**
 * One service port in IPVS mode for all nodes: its virtual services, shared by identity where their servers are the same, and its entries
 * of ipsets. (pkg/proxy/ipvs/proxier.go: syncProxyRules, syncEndpoint)
 */
import type { IpvsServer, IpvsService } from '@podwire/engine';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { EndpointPlan } from '../endpoint-plan.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { allowsNode } from '../iptables/service-chains.ts';
import { endpointCause, portCause } from '../port-state.ts';
import type { ProxyCause } from '../proxy.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import type { SetName } from './names.ts';
import type { ClosedToNode } from './rules.ts';

/** An address and port at which the service port is served. */
export interface Target {
  address: string;
  port: number;
  /** The policy that counts for it is Local. */
  isLocal: boolean;
  /** It stands on the dummy link whatever the node has. */
  isClusterIP: boolean;
  cause: ProxyCause;
}

export interface Entry {
  set: SetName;
  value: string;
}

/** Kernel flag `IP_VS_SVC_F_SCHED2`: Maglev hashes the port, too, as ipvsadm prints it. */
const MAGLEV_FLAGS = 'mh-port';

export class PortPlan extends EndpointPlan {
  readonly info: ServicePortInfo;
  /** Lower case, as ipset wants it. */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** All but the node port's. */
  readonly targets: readonly Target[];
  /** Entries that are the same on every node. */
  readonly entries: readonly Entry[];
  readonly #scheduler: string;
  readonly #servers = new Map<string, IpvsServer[]>();
  readonly #services = new Map<string, IpvsService>();

  constructor(info: ServicePortInfo, endpoints: readonly EndpointInfo[], scheduler: string) {
    super(info, endpoints);
    this.info = info;
    this.protocol = info.protocol.toLowerCase() as PortPlan['protocol'];
    this.#scheduler = scheduler;
    this.targets = this.#targets();
    this.entries = this.#entries();
  }

  #targets(): Target[] {
    const { info } = this;
    const { clusterIP, portNumber: port, internalPolicyLocal, externalPolicyLocal: isLocal } = info;
    const cause = (...path: (string | number)[]) => portCause(info, path);
    return [
      { address: clusterIP, port, isLocal: internalPolicyLocal, isClusterIP: true, cause: cause() },
      ...info.externalIPs.map(({ ip, index }) => ({
        ...{ address: ip, port, isLocal, isClusterIP: false },
        cause: cause('spec', 'externalIPs', index),
      })),
      ...info.loadBalancerVIPs.map(({ ip, index }) => ({
        ...{ address: ip, port, isLocal, isClusterIP: false },
        cause: cause('status', 'loadBalancer', 'ingress', index, 'ip'),
      })),
    ];
  }

  #entries(): Entry[] {
    const { info, protocol } = this;
    const { externalPolicyLocal, loadBalancerSourceRanges } = info;
    const end = (ip: string) => `${ip},${protocol}:${info.portNumber}`;
    const entries: Entry[] = [{ set: 'KUBE-CLUSTER-IP', value: end(info.clusterIP) }];
    for (const { ip } of info.externalIPs) {
      entries.push({ set: externalPolicyLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP', value: end(ip) });
    }
    for (const { ip } of info.loadBalancerVIPs) {
      entries.push({ set: 'KUBE-LOAD-BALANCER', value: end(ip) });
      if (externalPolicyLocal) entries.push({ set: 'KUBE-LOAD-BALANCER-LOCAL', value: end(ip) });
      if (loadBalancerSourceRanges.length > 0) entries.push({ set: 'KUBE-LOAD-BALANCER-FW', value: end(ip) });
      for (const { cidr } of loadBalancerSourceRanges) {
        entries.push({ set: 'KUBE-LOAD-BALANCER-SOURCE-CIDR', value: `${end(ip)},${cidr.text}` });
      }
    }
    return entries;
  }

  /** Addresses of a load balancer that source ranges guard. */
  get isGuarded(): boolean {
    return this.info.loadBalancerSourceRanges.length > 0 && this.info.loadBalancerVIPs.length > 0;
  }

  /** Where source ranges hold the node, it may come from the load balancer's address: with that it asks. */
  fromNode(nodeIP: string | undefined): { entries: Entry[]; closed: ClosedToNode[] } {
    const { info, protocol } = this;
    const { portNumber: port } = info;
    if (!this.isGuarded) return { entries: [], closed: [] };
    if (allowsNode(this, nodeIP)) {
      const entries = info.loadBalancerVIPs.map(({ ip }): Entry => {
        return { set: 'KUBE-LOAD-BALANCER-SOURCE-IP', value: `${ip},${protocol}:${port},${ip}` };
      });
      return { entries, closed: [] };
    }
    const cause = portCause(info, ['spec', 'loadBalancerSourceRanges']);
    return { entries: [], closed: info.loadBalancerVIPs.map(({ ip }) => ({ ip, protocol, port, cause })) };
  }

  /** @param nodeIPs Where node ports are served; without any, neither they nor the health check of the Service have entries. */
  nodePortEntries(nodeIPs: readonly string[]): Entry[] {
    const { nodePort, healthCheckNodePort, externalPolicyLocal } = this.info;
    if (nodePort !== 0 && nodeIPs.length === 0) return [];
    const entries: Entry[] = [];
    if (nodePort !== 0) {
      const values = this.protocol === 'sctp' ? nodeIPs.map((ip) => `${ip},sctp:${nodePort}`) : [String(nodePort)];
      const { all, local } = NODE_PORT_SETS[this.protocol];
      for (const value of values) {
        entries.push({ set: all, value });
        if (externalPolicyLocal) entries.push({ set: local, value });
      }
    }
    if (healthCheckNodePort !== 0)
      entries.push({ set: 'KUBE-HEALTH-CHECK-NODE-PORT', value: String(healthCheckNodePort) });
    return entries;
  }

  /** The entry by which a pod that comes back to itself is masqueraded. */
  loopBack({ ip, port }: EndpointInfo): Entry {
    return { set: 'KUBE-LOOP-BACK', value: `${ip},${this.protocol}:${port},${ip}` };
  }

  nodePortTarget(address: string): Target {
    const { nodePort: port, externalPolicyLocal: isLocal, index } = this.info;
    const cause = portCause(this.info, ['spec', 'ports', index, 'nodePort']);
    return { address, port, isLocal, isClusterIP: false, cause };
  }

  service(target: Target, place: ProxyPlace): IpvsService {
    const local = target.isLocal && this.local.has(place.nodeName);
    const choice = local ? `local ${place.nodeName}` : this.choiceKey(place);
    const key = `${target.address} ${target.port} ${choice}`;
    const known = this.#services.get(key);
    if (known) return known;
    const { sessionAffinity, stickyMaxAgeSeconds } = this.info;
    const servers = this.#serversOf(choice, local, place);
    const service: IpvsService = {
      protocol: this.protocol,
      address: target.address,
      port: target.port,
      scheduler: this.#scheduler,
      ...(this.#scheduler === 'mh' && { flags: MAGLEV_FLAGS }),
      ...(sessionAffinity === 'ClientIP' && { persistent: stickyMaxAgeSeconds }),
      servers,
      cause: servers.length > 0 ? target.cause : this.#causeOfNone(target),
    };
    this.#services.set(key, service);
    return service;
  }

  /** Where there are endpoints and the node may use none of them, its policy is why. */
  #causeOfNone({ isLocal, isClusterIP, cause }: Target): ProxyCause {
    const isShut = isLocal && isClusterIP && this.hasEndpoints;
    return isShut ? portCause(this.info, ['spec', 'internalTrafficPolicy']) : cause;
  }

  /** Under policy Local a node without endpoints has those of the whole cluster, if any use of the port is under policy Cluster. */
  #serversOf(key: string, local: boolean, place: ProxyPlace): IpvsServer[] {
    const known = this.#servers.get(key);
    if (known) return known;
    const endpoints = local ? (this.local.get(place.nodeName) ?? []) : this.clusterEndpoints(place);
    const servers = endpoints.map((endpoint): IpvsServer => {
      const { ip: address, port } = endpoint;
      return { address, port, method: 'masquerade', weight: 1, cause: endpointCause(this.info, endpoint) };
    });
    this.#servers.set(key, servers);
    return servers;
  }
}

const NODE_PORT_SETS: Readonly<Record<PortPlan['protocol'], { all: SetName; local: SetName }>> = {
  tcp: { all: 'KUBE-NODE-PORT-TCP', local: 'KUBE-NODE-PORT-LOCAL-TCP' },
  udp: { all: 'KUBE-NODE-PORT-UDP', local: 'KUBE-NODE-PORT-LOCAL-UDP' },
  sctp: { all: 'KUBE-NODE-PORT-SCTP-HASH', local: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH' },
};
