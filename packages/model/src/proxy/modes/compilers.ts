/** The proxy modes that are modelled, each with what compiles it. */
import type { ProxyMode } from '../../cluster/cluster.ts';
import { ebpfCompiler } from '../ebpf/compile.ts';
import { iptablesCompiler } from '../iptables/compile.ts';
import { ipvsCompiler } from '../ipvs/compile.ts';
import { nftablesCompiler } from '../nftables/compile.ts';
import type { ProxyCompiler } from '../proxy.ts';

const COMPILERS: Partial<Record<ProxyMode, ProxyCompiler>> = {
  iptables: iptablesCompiler,
  ipvs: ipvsCompiler,
  nftables: nftablesCompiler,
  ebpf: ebpfCompiler,
};

/** Undefined for a mode that is not modelled. */
export function proxyCompiler(mode: ProxyMode): ProxyCompiler | undefined {
  return COMPILERS[mode];
}
