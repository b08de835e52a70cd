/** Made-up clusters of any size, as `kubectl get -o json` would print them: the same seed gives the same bytes. */

export interface ClusterSize {
  nodes: number;
  pods: number;
  services: number;
  /** Both address families; one where absent. */
  dualStack?: boolean;
  seed?: number;
}

/** Sizes that `bench` measures: names are their numbers of pods. */
export const SIZES: Readonly<Record<string, ClusterSize>> = {
  '1k': { nodes: 20, pods: 1_000, services: 100 },
  '10k': { nodes: 200, pods: 10_000, services: 1_000 },
  '30k': { nodes: 1_000, pods: 30_000, services: 3_000 },
  '150k': { nodes: 5_000, pods: 150_000, services: 10_000 },
};

/** Mulberry32: small, fast, good enough to spread things. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

type KubeObject = Record<string, unknown>;

const NAMESPACES = 20;

function nodeIP(i: number): string {
  // .0.1 is the router's.
  return `10.${64 + Math.floor((i + 10) / 65536)}.${Math.floor((i + 10) / 256) % 256}.${(i + 10) % 256}`;
}

/** A /25 for each node: 126 pods, above Kubernetes' 110. */
function podRange(i: number): { v4: string; base: number } {
  const base = i * 128;
  return { v4: `${dotted(base)}/25`, base };
}

/** The address `offset` above 100.64.0.0. */
function dotted(offset: number): string {
  return `100.${64 + Math.floor(offset / 65536)}.${Math.floor(offset / 256) % 256}.${offset % 256}`;
}

function node(i: number, dualStack: boolean): KubeObject {
  const name = `node-${String(i).padStart(4, '0')}`;
  const v6 = `fd00:64:${i.toString(16)}::/64`;
  const podCIDRs = dualStack ? [podRange(i).v4, v6] : [podRange(i).v4];
  const addresses = [{ type: 'InternalIP', address: nodeIP(i) }];
  if (dualStack) addresses.push({ type: 'InternalIP', address: `fd00:10::${(i + 10).toString(16)}` });
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `node-${i}`,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/zone': `zone-${i % 3}`,
      },
    },
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    status: {
      addresses: [...addresses, { type: 'Hostname', address: name }],
      allocatable: { cpu: '16', memory: '64Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  };
}

interface Made {
  app: number;
  name: string;
  namespace: string;
  node: number;
  ips: string[];
  ready: boolean;
}

function pod(p: Made): KubeObject {
  const host = nodeIP(p.node);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: p.name,
      namespace: p.namespace,
      uid: `pod-${p.namespace}-${p.name}`,
      labels: { app: `app-${p.app}`, 'pod-template-hash': 'bench' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `app-${p.app}-bench`,
          uid: `rs-${p.app}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: `registry.example.com/app-${p.app}:1.0`,
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          resources: { requests: { cpu: '50m', memory: '64Mi' } },
        },
      ],
      nodeName: `node-${String(p.node).padStart(4, '0')}`,
      restartPolicy: 'Always',
      serviceAccountName: 'default',
    },
    status: {
      phase: 'Running',
      podIP: p.ips[0],
      podIPs: p.ips.map((ip) => ({ ip })),
      hostIP: host,
      hostIPs: [{ ip: host }],
      conditions: [
        { type: 'Initialized', status: 'True' },
        { type: 'Ready', status: p.ready ? 'True' : 'False' },
        { type: 'ContainersReady', status: p.ready ? 'True' : 'False' },
        { type: 'PodScheduled', status: 'True' },
      ],
    },
  };
}

function service(app: number, namespace: string, dualStack: boolean): KubeObject {
  const v4 = `10.96.${1 + Math.floor(app / 250)}.${1 + (app % 250)}`;
  const clusterIPs = dualStack ? [v4, `fd00:96::${(app + 16).toString(16)}`] : [v4];
  // One in ten is open to the outside; one in fifty has a load balancer, half of these keep the client's address.
  const type = app % 50 === 7 ? 'LoadBalancer' : app % 10 === 3 ? 'NodePort' : 'ClusterIP';
  const isLocal = app % 100 === 7;
  const isOpen = type !== 'ClusterIP';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `app-${app}`, namespace, uid: `svc-${app}` },
    spec: {
      type,
      selector: { app: `app-${app}` },
      ports: [
        {
          name: 'http',
          protocol: 'TCP',
          port: 80,
          targetPort: 'http',
          ...(isOpen && { nodePort: 30000 + Math.floor(app / 10) * 2 + (type === 'LoadBalancer' ? 1 : 0) }),
        },
      ],
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilies: dualStack ? ['IPv4', 'IPv6'] : ['IPv4'],
      ipFamilyPolicy: dualStack ? 'RequireDualStack' : 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: app % 20 === 5 ? 'ClientIP' : 'None',
      ...(isOpen && { externalTrafficPolicy: isLocal ? 'Local' : 'Cluster' }),
      ...(isLocal && { healthCheckNodePort: 32100 + Math.floor(app / 100) }),
    },
    status: {
      loadBalancer: type === 'LoadBalancer' ? { ingress: [{ ip: `192.0.2.${app % 250}`, ipMode: 'VIP' }] } : {},
    },
  };
}

function slices(app: number, namespace: string, pods: readonly Made[], dualStack: boolean): KubeObject[] {
  const families = dualStack ? (['IPv4', 'IPv6'] as const) : (['IPv4'] as const);
  return families.flatMap((addressType, family) => {
    const made: KubeObject[] = [];
    for (let from = 0; from === 0 || from < pods.length; from += 100) {
      made.push({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `app-${app}-${addressType.toLowerCase()}-${from / 100}`,
          namespace,
          uid: `slice-${app}-${family}-${from}`,
          labels: {
            'kubernetes.io/service-name': `app-${app}`,
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
        },
        addressType,
        endpoints: pods.slice(from, from + 100).map((p) => ({
          addresses: [p.ips[family]],
          conditions: { ready: p.ready, serving: p.ready, terminating: false },
          nodeName: `node-${String(p.node).padStart(4, '0')}`,
          zone: `zone-${p.node % 3}`,
          targetRef: { kind: 'Pod', namespace, name: p.name, uid: `pod-${namespace}-${p.name}` },
        })),
        ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      });
    }
    return made;
  });
}

/** Nodes, Pods, Services and EndpointSlices. Pods go round the nodes; every app has a Service as long as there are Services. */
function generateObjects({ nodes, pods, services, dualStack = false, seed = 1 }: ClusterSize): KubeObject[] {
  const random = randomOf(seed);
  const objects: KubeObject[] = [];
  for (let i = 0; i < nodes; i++) objects.push(node(i, dualStack));
  const next = new Array<number>(nodes).fill(2);
  const byApp: Made[][] = Array.from({ length: Math.max(1, services) }, () => []);
  for (let i = 0; i < pods; i++) {
    const app = i < byApp.length ? i : random(byApp.length);
    const where = (i * 7 + random(3)) % nodes;
    const offset = next[where] as number;
    next[where] = offset + 1;
    const ips = [dotted(podRange(where).base + offset)];
    if (dualStack) ips.push(`fd00:64:${where.toString(16)}::${offset.toString(16)}`);
    const list = byApp[app] as Made[];
    const made: Made = {
      app,
      name: `app-${app}-bench-${list.length}`,
      namespace: `team-${app % NAMESPACES}`,
      node: where,
      ips,
      ready: random(50) !== 0,
    };
    list.push(made);
    objects.push(pod(made));
  }
  for (let app = 0; app < services; app++) {
    const namespace = `team-${app % NAMESPACES}`;
    objects.push(service(app, namespace, dualStack), ...slices(app, namespace, byApp[app] as Made[], dualStack));
  }
  return objects;
}

/** The text that `kubectl get ... -A -o json` prints: one List. */
export function generateText(size: ClusterSize): string {
  // One object at a time: the whole list as one string is what the largest size needs most memory for.
  const parts = generateObjects(size).map((object) => JSON.stringify(object, null, 4));
  return `{\n"apiVersion": "v1",\n"items": [\n${parts.join(',\n')}\n],\n"kind": "List"\n}\n`;
}
