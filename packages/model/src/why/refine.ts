/** Faults that need a look at more than the trace: the field that is really to blame. */
import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import type { Outcome, TraceAnswer } from '../answer/answer.ts';
import { objectRef, type Provenance } from '../answer/provenance.ts';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import type { KubeObject, Node, Pod, Service } from '../objects/kube.ts';
import { isHeadless } from '../objects/pod-facts.ts';
import type { Fault } from './answer.ts';

export interface Looking {
  cluster: Cluster;
  provenance: Provenance;
  answer: TraceAnswer;
  /** The outcome that tells of the failure. */
  outcome: Outcome | undefined;
  /** The Service that was asked for, where there is one. */
  service?: Placed<Service>;
}

function podOf(cluster: Cluster, { namespace, name }: { namespace?: string; name: string }): Placed<Pod> | undefined {
  return cluster.pods.get(`${namespace ?? 'default'}/${name}`);
}

/** The probe that a pod fails is what keeps it out; without one the kubelet would take it for ready. */
function readiness({ cluster, provenance }: Looking, fault: Fault): Fault {
  const pod = fault.object && podOf(cluster, fault.object);
  if (!pod || fault.code !== 'pods-not-ready') return fault;
  const at = (pod.object.spec.containers ?? []).findIndex((container) => 'readinessProbe' in container);
  if (at < 0) return fault;
  return { ...fault, object: objectRef(provenance, pod, ['spec', 'containers', at, 'readinessProbe']) };
}

/** Endpoints made by hand belong to a port of the Service by their ports' names (the names must be equal, also where there is one only). */
function namesOfPorts({ cluster, provenance, service }: Looking, fault: Fault): Fault {
  if (fault.code !== 'no-selector' || !service) return fault;
  const { namespace = 'default', name } = service.object.metadata;
  const [slice] = cluster.endpointSlices.get(`${namespace}/${name}`) ?? [];
  const has = slice?.object.ports?.[0];
  const wants = service.object.spec.ports?.[0];
  if (!slice || !has || !wants || (has.name ?? '') === (wants.name ?? '')) return fault;
  const made = slice.madeBy?.kind === 'Endpoints' ? slice.madeBy : undefined;
  const object = made
    ? {
        kind: 'Endpoints',
        namespace,
        name,
        field: 'subsets[0].ports[0].name',
        ...(made.origin && { file: made.origin.file, line: made.origin.line }),
      }
    : objectRef(provenance, slice, ['ports', 0, 'name']);
  const shown = (text: string | undefined) => (text ? `"${text}"` : 'no name');
  return {
    link: 'endpoints',
    code: 'endpoints-port-name',
    text: `The port of the ${made ? 'Endpoints' : 'EndpointSlice'} has ${shown(has.name)} and the Service's port ${shown(wants.name)}: the two only meet where the names are equal.`,
    object,
    mend: wants.name ? `Name the port of the endpoints ${wants.name}.` : 'Take the name off the port of the endpoints.',
  };
}

/** A headless name leads to the pods themselves: the Service translates nothing. */
function headless({ provenance, service }: Looking, fault: Fault): Fault {
  if (fault.code !== 'headless-port' || !service || !isHeadless(service.object)) return fault;
  return {
    ...fault,
    object: objectRef(provenance, service, ['spec', 'clusterIP']),
    patch: { object: objectRef(provenance, service), merge: { spec: { clusterIP: null } } },
  };
}

const FLANNEL = 'flannel.alpha.coreos.com/';

/** flannel tells the other nodes by annotations of the Node: without them they make no way to it. */
function annotations({ cluster, provenance, answer }: Looking, fault: Fault): Fault {
  if (fault.link !== 'overlay' && fault.link !== 'route') return fault;
  const [destination] = answer.groups[0]?.destinations ?? [];
  const address = parseAddress(destination?.address ?? '');
  if (!address) return fault;
  const has = ({ object }: Placed<Node>) =>
    Object.keys(object.metadata.annotations ?? {}).some((key) => key.startsWith(FLANNEL));
  const nodes = [...cluster.nodes.values()];
  const holder = nodes.find(({ object }) =>
    nodePodCIDRs(object).some((text) => {
      const prefix = parsePrefix(text);
      return prefix !== undefined && prefix.family === address.family && containsAddress(prefix, address);
    }),
  );
  if (!holder || has(holder) || !nodes.some(has)) return fault;
  const key = `${FLANNEL}public-ip`;
  return {
    ...fault,
    link: 'overlay',
    code: 'flannel-annotations',
    text: `Node ${holder.object.metadata.name} lacks the annotations by which flannel tells the other nodes how to reach it (${key}), so they have no route to its pods.`,
    object: objectRef(provenance, holder, ['metadata', 'annotations', key]),
    mend: 'Restart flannel on that node: it writes them, and the others add the route.',
  };
}

/** The address lies in a range that the node takes for its own pods, and no pod has it. */
/** The link by which the last node on the way sends. */
function nodeLink(outcome: Outcome | undefined): string | undefined {
  const hop = outcome?.forward.hops.findLast(({ place }) => place.kind === 'node');
  const route = hop?.steps.findLast((step) => step.kind === 'route');
  return route?.kind === 'route' ? route.text?.match(/ dev (\S+)/)?.[1] : undefined;
}

function overlap({ cluster, answer, outcome }: Looking, fault: Fault): Fault {
  if (fault.code !== 'no-neighbor' && fault.code !== 'no-route') return fault;
  const [destination] = answer.groups[0]?.destinations ?? [];
  const address = parseAddress(destination?.address ?? '');
  if (!address || (destination?.addressKind !== 'external' && destination?.addressKind !== 'address')) return fault;
  const ranges = [
    ...[...cluster.nodes.values()].flatMap(({ object }) => nodePodCIDRs(object)),
    ...cluster.settings.podCIDRs.value,
  ];
  const range = ranges.find((text) => {
    const prefix = parsePrefix(text);
    return prefix !== undefined && prefix.family === address.family && containsAddress(prefix, address);
  });
  if (range === undefined) return fault;
  const link = nodeLink(outcome);
  return {
    link: 'route',
    code: 'range-overlap',
    text: `${destination.address} lies in the pod range ${range}${link === undefined ? '' : ` on ${link}`}, so the node looks for it among its own pods: the cluster's range overlaps a network outside.`,
    setting: `pod range ${range}${link === undefined ? '' : ` on ${link}`}`,
    mend: 'Give the cluster a pod range that no network around it uses.',
  };
}

function policyField(object: KubeObject): 'externalTrafficPolicy' | 'internalTrafficPolicy' | undefined {
  const { externalTrafficPolicy, internalTrafficPolicy } = (object as Service).spec;
  if (internalTrafficPolicy === 'Local') return 'internalTrafficPolicy';
  return externalTrafficPolicy === 'Local' ? 'externalTrafficPolicy' : undefined;
}

/** The traffic policy, where kube-proxy drops because the node has no endpoint. */
function local({ cluster, provenance, service, outcome }: Looking, fault: Fault): Fault {
  if (fault.code !== 'no-local-endpoint') return fault;
  const named = fault.object;
  const placed =
    service ??
    (named?.kind === 'Service' ? cluster.services.get(`${named.namespace ?? 'default'}/${named.name}`) : undefined);
  const field =
    placed && (named?.field?.endsWith('TrafficPolicy') ? named.field.split('.').pop() : policyField(placed.object));
  if (!placed || field === undefined) return fault;
  const at = outcome?.decisive?.place?.name;
  return {
    ...fault,
    link: field === 'externalTrafficPolicy' ? 'nat' : 'proxy-rule',
    text: `${field} is Local, and ${at ?? 'the node'} has no endpoint of svc/${placed.object.metadata.name}.`,
    object: objectRef(provenance, placed, ['spec', field]),
    mend: `Set ${field}: Cluster, or run an endpoint on every node that is asked.`,
    patch: { object: objectRef(provenance, placed), merge: { spec: { [field]: 'Cluster' } } },
  };
}

/** A host chose its source for one way, and the rewrite of the destination sent the packet by another: nobody there knows the way back. */
function foreignSource({ outcome, answer }: Looking, fault: Fault): Fault {
  const start = outcome?.forward.hops[0];
  const from = answer.groups[0]?.sources[0];
  if (fault.code !== 'no-socket' || start?.place.kind !== 'node' || outcome?.receiver?.sourceKept !== true)
    return fault;
  const translated = start.steps.some((step) => step.kind === 'nat' && step.what === 'destination');
  if (!translated) return fault;
  const { name } = start.place;
  return {
    link: 'nat',
    code: 'foreign-source',
    text: `${name} chose the source ${from?.address} for the address of the Service; the packet to the endpoint leaves by another link with it, and no way leads back there.`,
    setting: `no masquerade of ${name}'s own traffic to ClusterIPs (kube-proxy --cluster-cidr)`,
    mend: 'Give kube-proxy --cluster-cidr, by which it masquerades what is not from a pod, or a route to the Service network by the right link.',
  };
}

/** What is too long for a link is its MTU's fault, and that of whoever was told of a larger one. */
function tooLong({ outcome, answer }: Looking, fault: Fault): Fault {
  if (fault.code !== 'fragmentation-needed') return fault;
  const at = outcome?.decisive?.place?.name ?? 'the node';
  const link = nodeLink(outcome) ?? 'the link';
  const size = answer.question.size ?? 0;
  return {
    link: 'overlay',
    code: 'mtu',
    text: `Packets of ${size} bytes do not fit through ${link} of ${at}, with what an overlay puts around them; smaller ones do.`,
    setting: `mtu of the pods' links (${size} or more) over ${link} on ${at}`,
    mend: `Give the network plugin an MTU that is smaller than that of ${link} by its headers (IP-in-IP 20, VXLAN 50, WireGuard 60 bytes).`,
  };
}

/** The Service has addresses of a family that the client has not. */
function families({ provenance, service }: Looking, fault: Fault): Fault {
  if (fault.code !== 'no-common-family' || !service) return fault;
  return {
    ...fault,
    object: objectRef(provenance, service, ['spec', 'ipFamilies']),
    mend: 'Give the Service both families (ipFamilyPolicy: PreferDualStack), or the client an address of its family.',
  };
}

/** The sysctl is the larger of `all` and the link's own; which of the two it is, the dump may not say. */
function reversePath({ outcome }: Looking, fault: Fault): Fault {
  if (fault.code !== 'rp-filter') return fault;
  const at = outcome?.decisive?.place?.name ?? 'the node';
  return {
    ...fault,
    code: 'rp-filter-strict',
    text: `${at} drops the packet by reverse path filtering: an answer to its source would leave by another link.`,
    setting: `net.ipv4.conf.*.rp_filter = 1 on ${at}`,
    mend: `Set net.ipv4.conf.all.rp_filter and that of the link to 2 (loose) on ${at}, or give ${at} a route back by the link it came in by.`,
  };
}

/** Where node ports are served is kube-proxy's to say. */
function unservedNodePort({ cluster, answer }: Looking, fault: Fault): Fault {
  const end = answer.groups[0]?.destinations[0];
  if (end?.addressKind !== 'nodePort' || (fault.code !== 'node-port-not-served' && fault.code !== 'server-boundary'))
    return fault;
  const { address = '', port } = end;
  const { proxyMode, proxy } = cluster.settings;
  const isLoopback = /^(?:127\.|::1$)/.test(address);
  const mode = proxyMode.value;
  const { object: _, ...rest } = fault;
  if (!isLoopback) {
    return {
      ...rest,
      text: `kube-proxy in ${mode} mode does not serve node port ${port} at ${address}.`,
      setting: 'kube-proxy --nodeport-addresses',
      mend: 'Ask at an address that is served, or let --nodeport-addresses hold this one.',
    };
  }
  const isChoice = mode === 'iptables' && address.startsWith('127.');
  return {
    ...rest,
    link: 'proxy-rule',
    text:
      fault.code === 'server-boundary'
        ? `In ${mode} mode node port ${port} does not work at ${address}: the kernel sends no packet with a loopback source to a server on another host.`
        : `In ${mode} mode node port ${port} is not served at ${address}${isChoice ? ', as it is configured' : ''}.`,
    setting: isChoice
      ? `kube-proxy ${proxy.value.localhostNodePorts ? 'nodePortAddresses' : 'iptables.localhostNodePorts'}`
      : `kube-proxy mode ${mode}`,
    mend: isChoice
      ? 'Use an address of the node, or set iptables.localhostNodePorts and let nodePortAddresses hold 127.0.0.0/8.'
      : `Use an address of the node.${mode === 'iptables' ? '' : ' Only iptables mode serves node ports on 127.0.0.1.'}`,
  };
}

const REFINEMENTS = [
  unservedNodePort,
  reversePath,
  families,
  tooLong,
  foreignSource,
  readiness,
  namesOfPorts,
  headless,
  annotations,
  overlap,
  local,
];

export function refined(looking: Looking, fault: Fault): Fault {
  return REFINEMENTS.reduce((found, refine) => refine(looking, found), fault);
}
