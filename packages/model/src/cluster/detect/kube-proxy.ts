/** kube-proxy's mode and configuration (k8s.io/kube-proxy/config/v1alpha1; flags as in cmd/kube-proxy/app/options.go). */
import type { ConfigMap, KubeObject } from '../../objects/kube.ts';
import type { IpvsConfig, ProxyConfig } from '../../proxy/proxy.ts';
import type { Placed, ProxyMode, Setting } from '../cluster.ts';
import type { Collected } from '../collect.ts';
import type { ClusterOverrides } from '../overrides.ts';
import type { Report } from '../report.ts';
import { at, type Mapping, parseEmbedded, text, truth, words } from './embedded.ts';
import { environment, k3sFlags, type Programs } from './programs.ts';
import { choose, type Finding, finding } from './setting.ts';
import { type NodeShown, processFlags } from './shown.ts';

/** A KubeProxyConfiguration in the input: alone, or inside a ConfigMap. */
interface ConfigFile {
  config: Mapping;
  placed: Placed<KubeObject>;
  what: string;
}

function configFiles(collected: Collected): ConfigFile[] {
  const found: ConfigFile[] = [];
  for (const { object, origin } of collected.others) {
    if (object.kind === 'KubeProxyConfiguration')
      found.push({ config: object, placed: { object, origin }, what: 'KubeProxyConfiguration' });
  }
  for (const placed of collected.configMaps.values()) {
    if (!placed.object.metadata.name.includes('kube-proxy')) continue;
    for (const [key, value] of Object.entries(placed.object.data ?? {})) {
      const config = value.includes('KubeProxyConfiguration') ? parseEmbedded(value) : undefined;
      if (config?.kind === 'KubeProxyConfiguration') found.push({ config, placed, what: key });
    }
  }
  return found;
}

/** The flags of a kube-proxy in the cluster. Flags count only where no `--config` is given (options.go, `Complete`). */
function flagSources(programs: Programs): { flags: ReadonlyMap<string, string>; placed: Placed<KubeObject> }[] {
  return programs.named('kube-proxy').map((program) => ({ flags: program.flags(), placed: program.placed }));
}

const MODES: Readonly<Record<string, ProxyMode>> = { iptables: 'iptables', ipvs: 'ipvs', nftables: 'nftables' };

function modeOf(word: string | undefined): ProxyMode | undefined {
  // An empty mode is iptables on Linux (cmd/kube-proxy/app/server_linux.go, `platformApplyDefaults`).
  return word === undefined ? undefined : word === '' ? 'iptables' : MODES[word];
}

function ciliumConfig(collected: Collected): Placed<ConfigMap> | undefined {
  return [...collected.configMaps.values()].find((c) => c.object.metadata.name === 'cilium-config');
}

/** Options of Cilium: its ConfigMap, and over it the flags of its agent. Undefined: there is none. */
function ciliumOptions(collected: Collected, programs: Programs): Readonly<Record<string, string>> | undefined {
  const data = ciliumConfig(collected)?.object.data;
  const flags = programs.named('cilium-agent').flatMap((program) => [...program.flags()]);
  return data || flags.length > 0 ? { ...data, ...Object.fromEntries(flags) } : undefined;
}

function* replacements(collected: Collected, programs: Programs): Generator<Finding<ProxyMode>> {
  const cilium = ciliumConfig(collected);
  const replaces = cilium?.object.data?.['kube-proxy-replacement'];
  if (cilium && (replaces === 'true' || replaces === 'strict'))
    yield finding('ebpf', cilium, `kube-proxy-replacement: ${replaces}`);
  for (const program of programs.named('cilium-agent')) {
    const flag = program.flags().get('kube-proxy-replacement');
    if (flag === 'true' || flag === 'strict') yield finding('ebpf', program.placed, `--kube-proxy-replacement=${flag}`);
  }
  for (const program of programs.named('kube-router')) {
    if (program.flags().get('run-service-proxy') === 'true')
      yield finding('ipvs', program.placed, '--run-service-proxy');
  }
  for (const program of programs.named('calico-node')) {
    if (environment(program, 'FELIX_BPFENABLED') === 'true')
      yield finding('calico-ebpf', program.placed, 'FELIX_BPFENABLED');
  }
  const k3s = k3sFlags(collected.nodes);
  if (k3s?.flags.get('disable-kube-proxy') === 'true') yield finding('none', k3s.placed, '--disable-kube-proxy');
}

/** What a kube-proxy that runs on a node was started with, as `ps` shows it. */
function* processes(shown: readonly NodeShown[]): Generator<{ node: string; flags: ReadonlyMap<string, string> }> {
  for (const one of shown) {
    const flags = processFlags(one, 'kube-proxy');
    if (flags) yield { node: one.node, flags };
  }
}

function* modes(
  collected: Collected,
  programs: Programs,
  files: readonly ConfigFile[],
  shown: readonly NodeShown[],
): Generator<Finding<ProxyMode>> {
  for (const { node, flags } of processes(shown)) {
    const mode = modeOf(flags.get('proxy-mode'));
    if (mode) yield { value: mode, why: `process kube-proxy of ${node}, --proxy-mode` };
  }
  yield* replacements(collected, programs);
  for (const { config, placed, what } of files) {
    const mode = modeOf(typeof config.mode === 'string' ? config.mode : '');
    if (mode) yield finding(mode, placed, what === 'KubeProxyConfiguration' ? 'mode' : `${what}: mode`);
  }
  for (const { flags, placed } of flagSources(programs)) {
    const mode = modeOf(flags.get('proxy-mode'));
    if (mode) yield finding(mode, placed, '--proxy-mode');
    // Started with neither: the default.
    else if (!flags.has('config') && !flags.has('proxy-mode')) yield finding('iptables', placed, 'no --proxy-mode');
  }
  for (const { object, origin } of collected.others) {
    const mode = object.kind === 'Cluster' ? text(at(object, 'networking', 'kubeProxyMode')) : undefined;
    const known = mode === 'none' ? 'none' : modeOf(mode);
    if (known) yield finding(known, { object, origin }, 'networking.kubeProxyMode');
  }
  const k3s = k3sFlags(collected.nodes);
  const argument = modeOf(/proxy-mode=(\w+)/.exec(k3s?.flags.get('kube-proxy-arg') ?? '')?.[1]);
  if (k3s && argument) yield finding(argument, k3s.placed, '--kube-proxy-arg');
  // What a former mode left behind shows nothing where there is more than one.
  for (const { node, proxyModes } of shown) {
    const [only, ...others] = proxyModes;
    if (only && others.length === 0) yield { value: only.mode, why: `${only.why} of ${node}` };
  }
}

const DEFAULTS: ProxyConfig = {
  clusterCIDRs: [],
  detectLocalMode: 'ClusterCIDR',
  nodePortAddresses: [],
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: true,
  conntrackTCPLiberal: false,
  randomFully: true,
  nfacctCounters: false,
};

const LOCAL_MODES: Readonly<Record<string, ProxyConfig['detectLocalMode']>> = {
  ClusterCIDR: 'ClusterCIDR',
  NodeCIDR: 'NodeCIDR',
  BridgeInterface: 'BridgeInterface',
  InterfaceNamePrefix: 'InterfaceNamePrefix',
};

/** Drops fields that nothing says, so that the rest can be laid over the defaults. */
function present<T>(fields: { [K in keyof T]?: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** nftables mode has a section of its own, and reads no other; IPVS mode reads that of iptables mode, too. */
function fromFile(config: Mapping, mode: ProxyMode): Partial<ProxyConfig> {
  const section = mode === 'nftables' ? 'nftables' : 'iptables';
  const bit = at(config, section, 'masqueradeBit');
  return present<ProxyConfig>({
    clusterCIDRs: text(config.clusterCIDR) === undefined ? undefined : words(config.clusterCIDR),
    detectLocalMode: LOCAL_MODES[text(config.detectLocalMode) ?? ''],
    bridgeInterface: text(at(config, 'detectLocal', 'bridgeInterface')),
    interfaceNamePrefix: text(at(config, 'detectLocal', 'interfaceNamePrefix')),
    nodePortAddresses: Array.isArray(config.nodePortAddresses) ? words(config.nodePortAddresses) : undefined,
    masqueradeAll: truth(at(config, section, 'masqueradeAll')) ?? truth(at(config, 'linux', 'masqueradeAll')),
    masqueradeBit: typeof bit === 'number' ? bit : undefined,
    localhostNodePorts: truth(at(config, 'iptables', 'localhostNodePorts')),
    conntrackTCPLiberal:
      truth(at(config, 'conntrack', 'tcpBeLiberal')) ?? truth(at(config, 'linux', 'conntrack', 'tcpBeLiberal')),
    ipvs: mode === 'ipvs' ? ipvsFromFile(config) : undefined,
  });
}

function ipvsFromFile(config: Mapping): Partial<IpvsConfig> {
  const of = (field: string) => at(config, 'ipvs', field);
  const excludeCIDRs = of('excludeCIDRs');
  return present<IpvsConfig>({
    scheduler: text(of('scheduler')) || undefined,
    excludeCIDRs: Array.isArray(excludeCIDRs) ? words(excludeCIDRs) : undefined,
    strictARP: truth(of('strictARP')),
    tcpTimeoutSeconds: seconds(text(of('tcpTimeout'))),
    tcpFinTimeoutSeconds: seconds(text(of('tcpFinTimeout'))),
    udpTimeoutSeconds: seconds(text(of('udpTimeout'))),
  });
}

function ipvsFromFlags(flags: ReadonlyMap<string, string>): Partial<IpvsConfig> {
  return present<IpvsConfig>({
    scheduler: flags.get('ipvs-scheduler') || undefined,
    excludeCIDRs: flags.has('ipvs-exclude-cidrs') ? words(flags.get('ipvs-exclude-cidrs')) : undefined,
    strictARP: truth(flags.get('ipvs-strict-arp')),
    tcpTimeoutSeconds: seconds(flags.get('ipvs-tcp-timeout')),
    tcpFinTimeoutSeconds: seconds(flags.get('ipvs-tcpfin-timeout')),
    udpTimeoutSeconds: seconds(flags.get('ipvs-udp-timeout')),
  });
}

const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };

/** Of a duration as Go writes it: `2m30s`. */
function seconds(duration: string | undefined): number | undefined {
  const parts = [...(duration ?? '').matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g)];
  if (duration === undefined || parts.map(([all]) => all).join('') !== duration) return undefined;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0), 0);
}

function fromFlags(flags: ReadonlyMap<string, string>, mode: ProxyMode): Partial<ProxyConfig> {
  // There is no such flag for nftables mode.
  const bit = Number((mode === 'nftables' ? undefined : flags.get('iptables-masquerade-bit')) ?? Number.NaN);
  return present<ProxyConfig>({
    clusterCIDRs: flags.has('cluster-cidr') ? words(flags.get('cluster-cidr')) : undefined,
    detectLocalMode: LOCAL_MODES[flags.get('detect-local-mode') ?? ''],
    bridgeInterface: flags.get('pod-bridge-interface'),
    interfaceNamePrefix: flags.get('pod-interface-name-prefix'),
    nodePortAddresses: flags.has('nodeport-addresses') ? words(flags.get('nodeport-addresses')) : undefined,
    masqueradeAll: truth(flags.get('masquerade-all')),
    masqueradeBit: Number.isInteger(bit) ? bit : undefined,
    localhostNodePorts: truth(flags.get('iptables-localhost-nodeports')),
    conntrackTCPLiberal: truth(flags.get('conntrack-tcp-be-liberal')),
    ipvs: mode === 'ipvs' ? ipvsFromFlags(flags) : undefined,
  });
}

export interface DetectedProxy {
  mode: Setting<ProxyMode>;
  config: Setting<ProxyConfig>;
  /** Whether a configuration or flags of kube-proxy are in the input. */
  isConfigured: boolean;
  /** `--cluster-cidr` as found, which also tells the pod network. */
  clusterCIDRs: Finding<string[]>[];
  /** Configuration of single nodes, as the processes there show it. */
  ofNodes: ReadonlyMap<string, Setting<ProxyConfig>>;
}

export function detectProxy(
  collected: Collected,
  programs: Programs,
  overrides: ClusterOverrides,
  report: Report,
  shown: readonly NodeShown[],
): DetectedProxy {
  const files = configFiles(collected);
  for (const { config, placed, what } of files) {
    const word = text(config.mode);
    if (word !== undefined && !modeOf(word)) {
      report.problem(
        'error',
        'unknown-proxy-mode',
        { ...placed, path: ['data', what] },
        `kube-proxy has no mode "${word}"`,
        'Write iptables, ipvs or nftables.',
      );
    }
  }
  const mode = choose<ProxyMode>(overrides.proxyMode, '--proxy-mode', modes(collected, programs, files, shown), () => ({
    value: 'iptables',
    why: 'nothing in the input shows how kube-proxy runs, and iptables is its default',
  }));
  const sources: Finding<Partial<ProxyConfig>>[] = [
    ...files.map(({ config, placed, what }) => finding(fromFile(config, mode.value), placed, what)),
    // A kube-proxy that reads a file takes nothing from its flags.
    ...flagSources(programs)
      .filter(({ flags }) => !flags.has('config'))
      .map(({ flags, placed }) => finding(fromFlags(flags, mode.value), placed, 'flags')),
  ];
  const found = sources[0];
  const cilium = ciliumOptions(collected, programs);
  const base: ProxyConfig = { ...DEFAULTS, ...found?.value, ...(cilium && { cilium }) };
  const config: Setting<ProxyConfig> =
    overrides.proxy && Object.keys(overrides.proxy).length > 0
      ? { value: { ...base, ...overrides.proxy }, how: 'given', why: Object.keys(overrides.proxy).sort().join(', ') }
      : found
        ? { value: base, how: 'detected', why: found.why, ...(found.origin && { origin: found.origin }) }
        : { value: base, how: 'assumed', why: 'nothing in the input shows how kube-proxy is configured: its defaults' };
  const clusterCIDRs = sources
    .filter((s) => (s.value.clusterCIDRs?.length ?? 0) > 0)
    .map((s) => ({ ...s, value: s.value.clusterCIDRs ?? [], why: `${s.why}: clusterCIDR` }));
  const ofNodes = new Map<string, Setting<ProxyConfig>>();
  for (const { node, flags } of processes(shown)) {
    // What its file says is not in the dump.
    if (flags.has('config')) continue;
    const value = { ...DEFAULTS, ...fromFlags(flags, mode.value), ...overrides.proxy };
    ofNodes.set(node, { value, how: 'detected', why: `process kube-proxy of ${node}` });
  }
  return { mode, config, isConfigured: found !== undefined, clusterCIDRs, ofNodes };
}
