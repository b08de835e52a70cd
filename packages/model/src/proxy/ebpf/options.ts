/**
 * Cilium's options that decide what the load balancer does: command line flags and the keys of the ConfigMap `cilium-config` are the same
 * words. (pkg/loadbalancer/config.go, pkg/kpr, pkg/option/config.go, as of v1.18)
 */
import type { Problem } from '../../problem.ts';
import type { LbAlgorithm } from './records.ts';

export interface LbOptions {
  ipv4: boolean;
  ipv6: boolean;
  /** Without it only ClusterIP is balanced, for pods. */
  kubeProxyReplacement: boolean;
  nodePortRange: readonly [number, number];
  algorithm: LbAlgorithm;
  /** Look at `service.cilium.io/lb-algorithm`. */
  algorithmAnnotation: boolean;
  mode: 'snat' | 'dsr' | 'hybrid';
  /** Look at `service.cilium.io/forwarding-mode`. */
  modeAnnotation: boolean;
  dsrDispatch: 'opt' | 'ipip' | 'geneve';
  /** ClusterIP is reachable from outside. */
  externalClusterIP: boolean;
  serviceTopology: boolean;
  /** Source ranges hold for every type of a Service, not just for its load balancer addresses. */
  sourceRangeAllTypes: boolean;
  /** Translation in connect, sendmsg, recvmsg and getpeername. */
  socketLB: boolean;
  /** Only for the node's own namespace; pods' packets are translated as they leave the pod. */
  socketLBHostNamespaceOnly: boolean;
  maglevTableSize: number;
  maglevHashSeed: string;
  /** `disabled`, `native` or `best-effort`: in the driver, before the stack sees the packet. */
  acceleration: string;
}

export const DEFAULT_LB_OPTIONS: LbOptions = {
  ipv4: true,
  ipv6: true,
  kubeProxyReplacement: true,
  nodePortRange: [30000, 32767],
  algorithm: 'random',
  algorithmAnnotation: false,
  mode: 'snat',
  modeAnnotation: false,
  dsrDispatch: 'opt',
  externalClusterIP: false,
  serviceTopology: false,
  sourceRangeAllTypes: false,
  socketLB: true,
  socketLBHostNamespaceOnly: false,
  maglevTableSize: 16381,
  maglevHashSeed: 'JLfvgnHc2kaSUFaI',
  acceleration: 'disabled',
};

/** Options by name, without dashes. */
export type OptionTexts = Readonly<Record<string, string>>;

class Reading {
  readonly problems: Problem[] = [];
  readonly #texts: OptionTexts;

  constructor(texts: OptionTexts) {
    this.#texts = texts;
  }

  text(name: string): string | undefined {
    return this.#texts[name];
  }

  refuse(name: string, value: string, instead: string): void {
    this.problems.push({
      severity: 'error',
      code: 'cilium-option',
      message: `Cilium's option ${name} is ${value}, which it refuses; here ${instead} is taken.`,
    });
  }

  /** Go's strconv.ParseBool; a flag without a value is true. */
  flag(name: string, otherwise: boolean): boolean {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    if (['', '1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
    if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
    this.refuse(name, value, String(otherwise));
    return otherwise;
  }

  word<W extends string>(name: string, words: readonly W[], otherwise: W): W {
    const value = this.text(name);
    if (value === undefined || value === '') return otherwise;
    const found = words.find((word) => word === value);
    if (found === undefined) this.refuse(name, value, otherwise);
    return found ?? otherwise;
  }

  range(name: string, otherwise: readonly [number, number]): readonly [number, number] {
    const value = this.text(name);
    if (value === undefined || value === '') return otherwise;
    const [low = Number.NaN, high = Number.NaN, ...rest] = value.split(',').map((part) => Number(part.trim()));
    if (rest.length === 0 && Number.isInteger(low) && Number.isInteger(high) && low < high && high < 65536)
      return [low, high];
    this.refuse(name, value, otherwise.join(','));
    return otherwise;
  }

  number(name: string, otherwise: number): number {
    const value = this.text(name);
    if (value === undefined || value === '') return otherwise;
    const found = Number(value);
    if (Number.isInteger(found) && found > 0) return found;
    this.refuse(name, value, String(otherwise));
    return otherwise;
  }
}

/** `true`, and what older versions called `strict` and `probe`; `partial` and `disabled` replace only what single options ask for. */
function replaces(reading: Reading, otherwise: boolean): boolean {
  const value = reading.text('kube-proxy-replacement');
  const nodePort = reading.flag('enable-node-port', false);
  if (value === undefined) return otherwise || nodePort;
  return ['true', 'strict', 'probe'].includes(value) || nodePort;
}

export function lbOptions(
  texts: OptionTexts,
  defaults: LbOptions = DEFAULT_LB_OPTIONS,
): { options: LbOptions; problems: Problem[] } {
  const reading = new Reading(texts);
  const algorithms = ['random', 'maglev'] as const;
  const kubeProxyReplacement = replaces(reading, defaults.kubeProxyReplacement);
  const options: LbOptions = {
    ipv4: reading.flag('enable-ipv4', defaults.ipv4),
    ipv6: reading.flag('enable-ipv6', defaults.ipv6),
    kubeProxyReplacement,
    nodePortRange: reading.range('node-port-range', defaults.nodePortRange),
    // The newer name counts; the older one is still read and wins where both stand.
    algorithm: reading.word(
      'node-port-algorithm',
      algorithms,
      reading.word('bpf-lb-algorithm', algorithms, defaults.algorithm),
    ),
    algorithmAnnotation: reading.flag('bpf-lb-algorithm-annotation', defaults.algorithmAnnotation),
    mode: reading.word(
      'node-port-mode',
      ['snat', 'dsr', 'hybrid'],
      reading.word('bpf-lb-mode', ['snat', 'dsr', 'hybrid'], defaults.mode),
    ),
    modeAnnotation: reading.flag('bpf-lb-mode-annotation', defaults.modeAnnotation),
    dsrDispatch: reading.word('bpf-lb-dsr-dispatch', ['opt', 'ipip', 'geneve'], defaults.dsrDispatch),
    externalClusterIP: reading.flag('bpf-lb-external-clusterip', defaults.externalClusterIP),
    serviceTopology: reading.flag('enable-service-topology', defaults.serviceTopology),
    sourceRangeAllTypes: reading.flag('bpf-lb-source-range-all-types', defaults.sourceRangeAllTypes),
    socketLB: kubeProxyReplacement || reading.flag('bpf-lb-sock', false),
    socketLBHostNamespaceOnly: reading.flag('bpf-lb-sock-hostns-only', defaults.socketLBHostNamespaceOnly),
    maglevTableSize: reading.number('bpf-lb-maglev-table-size', defaults.maglevTableSize),
    maglevHashSeed: reading.text('bpf-lb-maglev-hash-seed') ?? defaults.maglevHashSeed,
    acceleration: reading.text('bpf-lb-acceleration') ?? defaults.acceleration,
  };
  return { options, problems: reading.problems };
}

/** Command line arguments as options: `--name=value`, `--name`. Anything else is passed over. */
export function optionsOfArguments(args: readonly string[]): OptionTexts {
  const texts: Record<string, string> = {};
  for (const argument of args) {
    const found = /^--([^=]+)(?:=(.*))?$/s.exec(argument);
    if (found?.[1] !== undefined) texts[found[1]] = found[2] ?? '';
  }
  return texts;
}
