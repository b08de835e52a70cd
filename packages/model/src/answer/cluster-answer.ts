/** `podwire cluster`: the cluster as the input shows it: what was read, assumed, ignored, and is not modelled. */
import type { Assumption, Cluster, ClusterSettings, Setting } from '../cluster/cluster.ts';
import type { Problem } from '../problem.ts';
import { ebpfNotModelled } from '../proxy/ebpf/compile.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import type { ReadResult } from '../read/source.ts';
import { API_VERSION } from './answer.ts';

export interface ClusterAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Cluster';
  mode: Cluster['mode'];
  read: { files: number; documents: number; objects: number };
  /** Objects that answers use, by kind. */
  counts: Record<string, number>;
  settings: SettingView[];
  assumptions: Assumption[];
  /** Constructs of the input that podwire has no model of: answers that touch them say so. */
  notModelled: { what: string; count: number }[];
  /** Objects of kinds that no answer uses, by `apiVersion kind`. */
  unused: { kind: string; count: number }[];
  /** Files, documents and parts of them that hold no object. */
  ignored: { file: string; document?: number; why: string }[];
  problems: Problem[];
}

export interface SettingView {
  name: keyof ClusterSettings;
  value: string;
  how: Setting<unknown>['how'];
  why: string;
  file?: string;
  line?: number;
}

/** Kinds that decide about packets in a real cluster and in no answer here. */
const DECIDING =
  /(NetworkPolicy|Ingress|Gateway|Route|VirtualService|DestinationRule|ServiceEntry|Sidecar|AuthorizationPolicy|PeerAuthentication|EgressIP|BGPPeer|HostEndpoint|IPPool|ServiceImport|ServiceExport)s?$/;

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if ('from' in value && 'to' in value) return `${String(value.from)}-${String(value.to)}`;
    return entries
      .filter(([, v]) => v !== false && v !== undefined && !(Array.isArray(v) && v.length === 0))
      .map(([key, v]) => (v === true ? key : `${key}=${valueText(v)}`))
      .join(' ');
  }
  return String(value);
}

function settingViews(settings: ClusterSettings): SettingView[] {
  return (Object.keys(settings) as (keyof ClusterSettings)[]).sort().flatMap((name) => {
    const setting = settings[name];
    if (!setting) return [];
    const { value, how, why, origin } = setting;
    return [{ name, value: valueText(value), how, why, ...(origin && { file: origin.file, line: origin.line }) }];
  });
}

function notModelled(cluster: Cluster): ClusterAnswer['notModelled'] {
  const found: ClusterAnswer['notModelled'] = [];
  const { proxyMode } = cluster.settings;
  const { size } = cluster.services;
  if (!proxyCompiler(proxyMode.value) && (proxyMode.value !== 'none' || size > 0))
    found.push({ what: `kube-proxy mode ${proxyMode.value}`, count: size });
  if (proxyMode.value === 'ebpf')
    for (const what of ebpfNotModelled(cluster.settings.proxy.value.cilium ?? {}))
      found.push({ what: `Cilium's ${what}`, count: 1 });
  if (cluster.networkPolicies.size > 0) found.push({ what: 'NetworkPolicy', count: cluster.networkPolicies.size });
  for (const [kind, count] of cluster.unused) if (DECIDING.test(kind)) found.push({ what: kind, count });
  return found;
}

/** `problems` are those of collecting the files; those of reading and understanding them are added. */
export function describeCluster(cluster: Cluster, read: ReadResult, problems: readonly Problem[] = []): ClusterAnswer {
  const slices = [...cluster.endpointSlices.values()].reduce((n, s) => n + s.length, 0);
  return {
    apiVersion: API_VERSION,
    kind: 'Cluster',
    mode: cluster.mode,
    read: { files: read.files, documents: read.documents, objects: read.objects.length },
    counts: {
      nodes: cluster.nodes.size,
      namespaces: cluster.namespaces.size,
      pods: cluster.pods.size,
      workloads: cluster.workloads.size,
      services: cluster.services.size,
      endpointSlices: slices,
      networkPolicies: cluster.networkPolicies.size,
      configMaps: cluster.configMaps.size,
    },
    settings: settingViews(cluster.settings),
    assumptions: cluster.assumptions,
    notModelled: notModelled(cluster),
    unused: [...cluster.unused].map(([kind, count]) => ({ kind, count })),
    ignored: read.ignored.map(({ file, document, why }) => ({
      file,
      ...(document !== undefined && { document }),
      why,
    })),
    problems: [...problems, ...read.problems, ...cluster.problems],
  };
}
