/** The jumps to KUBE-NODEPORTS, last in KUBE-SERVICES: on which addresses the node serves node ports. */
import { formatAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { isLoopback } from '../ip.ts';
import { ALWAYS, comment, type RuleLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

const TEXT = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain';

const jump = (...match: string[]): RuleLine => ({
  table: 'nat',
  chain: 'KUBE-SERVICES',
  args: [...comment(TEXT), ...match, '-j', 'KUBE-NODEPORTS'],
  cause: ALWAYS,
});

export interface NodePortJumps {
  rules: RuleLine[];
  problems: Problem[];
}

/** @param interfaceAddresses Addresses of the node, with or without prefix length. */
export function nodePortJumps(settings: IptablesSettings, interfaceAddresses: readonly string[]): NodePortJumps {
  const { family, localhostNodePorts, nodePortAddresses } = settings;
  if (nodePortAddresses.matchAll) {
    const local = ['-m', 'addrtype', '--dst-type', 'LOCAL'];
    // IPv6 has nothing like route_localnet, so its node ports never work on loopback.
    if (family === 'IPv6') return { rules: [jump(...local, '!', '-d', '::1/128')], problems: [] };
    const notLoopback = localhostNodePorts ? [] : ['!', '-d', '127.0.0.0/8'];
    return { rules: [jump(...local, ...notLoopback)], problems: [] };
  }
  const result: NodePortJumps = { rules: [], problems: [] };
  for (const address of nodePortAddresses.nodeIPs(interfaceAddresses)) {
    const text = formatAddress(address);
    if (!isLoopback(address) || (family === 'IPv4' && localhostNodePorts)) {
      result.rules.push(jump('-d', text));
      continue;
    }
    result.problems.push({
      severity: 'warning',
      code: 'node-port-loopback',
      message: `nodePortAddresses includes ${text}, but kube-proxy serves no node ports there ${family === 'IPv6' ? 'on IPv6' : 'without localhostNodePorts'}.`,
      field: 'nodePortAddresses',
    });
  }
  return result;
}
