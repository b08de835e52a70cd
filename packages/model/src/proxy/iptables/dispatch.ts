/** By which rules of the top-level chains packets come to a service port: cluster IP, external IPs, load balancer addresses, node port. */
import { hasExternalEndpoints, hasInternalEndpoints, type PortState } from '../port-state.ts';
import { type IptablesPort, usesFirewallChain } from './port.ts';
import { comment, type RuleLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

/** What the filter table does with traffic that finds no endpoint. */
interface Refusal {
  target: 'REJECT' | 'DROP';
  text: string;
  path: (string | number)[];
}

/**
 * Nothing anywhere: refused, so that clients learn it. Nothing here under policy Local: dropped, since elsewhere it would be served, and
 * health checks keep clients away.
 */
function refusal({ info }: IptablesPort, state: PortState, policy: string): Refusal {
  if (state.hasEndpoints) {
    return { target: 'DROP', text: `${info.nameString} has no local endpoints`, path: ['spec', policy] };
  }
  const path = info.service.spec.selector ? ['spec', 'selector'] : [];
  return { target: 'REJECT', text: `${info.nameString} has no endpoints`, path };
}

function clusterIPRule(port: IptablesPort, state: PortState): RuleLine {
  const { info, chains } = port;
  if (!hasInternalEndpoints(port, state)) {
    const { target, text, path } = refusal(port, state, 'internalTrafficPolicy');
    return {
      table: 'filter',
      chain: 'KUBE-SERVICES',
      args: [...comment(text), ...port.destination(info.clusterIP), '-j', target],
      cause: port.cause(...path),
    };
  }
  const target = info.internalPolicyLocal ? chains.local : chains.cluster;
  return {
    table: 'nat',
    chain: 'KUBE-SERVICES',
    args: [...comment(`${info.nameString} cluster IP`), ...port.destination(info.clusterIP), '-j', target],
    cause: port.cause(),
  };
}

function externalRefusal(port: IptablesPort, refused: Refusal, match: string[], path: (string | number)[]): RuleLine {
  return {
    table: 'filter',
    chain: 'KUBE-EXTERNAL-SERVICES',
    args: [...comment(refused.text), ...match, '-j', refused.target],
    cause: port.cause(...(refused.path.length > 0 ? refused.path : path)),
  };
}

function externalIPRules(port: IptablesPort, state: PortState): RuleLine[] {
  const { info, chains } = port;
  const refused = refusal(port, state, 'externalTrafficPolicy');
  return info.externalIPs.flatMap(({ ip, index }) => {
    const path = ['spec', 'externalIPs', index];
    const rules: RuleLine[] = [];
    if (state.hasEndpoints) {
      const args = [...comment(`${info.nameString} external IP`), ...port.destination(ip), '-j', chains.external];
      rules.push({ table: 'nat', chain: 'KUBE-SERVICES', args, cause: port.cause(...path) });
    }
    if (!hasExternalEndpoints(port, state)) rules.push(externalRefusal(port, refused, port.destination(ip), path));
    return rules;
  });
}

function loadBalancerRules(port: IptablesPort, state: PortState): RuleLine[] {
  const { info, chains } = port;
  const hasFirewall = usesFirewallChain(port, state);
  const path = (index: number) => ['status', 'loadBalancer', 'ingress', index, 'ip'];
  const rules: RuleLine[] = [];
  for (const { ip, index } of info.loadBalancerVIPs) {
    if (state.hasEndpoints) {
      const target = hasFirewall ? chains.firewall : chains.external;
      const args = [...comment(`${info.nameString} loadbalancer IP`), ...port.destination(ip), '-j', target];
      rules.push({ table: 'nat', chain: 'KUBE-SERVICES', args, cause: port.cause(...path(index)) });
    }
    if (hasFirewall) {
      // Whoever passes the firewall chain is no longer on its way to this address.
      const text = `${info.nameString} traffic not accepted by ${chains.firewall}`;
      const args = [...comment(text), ...port.destination(ip), '-j', 'DROP'];
      const cause = port.cause('spec', 'loadBalancerSourceRanges');
      rules.push({ table: 'filter', chain: 'KUBE-PROXY-FIREWALL', args, cause });
    }
  }
  if (!hasExternalEndpoints(port, state)) {
    const refused = refusal(port, state, 'externalTrafficPolicy');
    for (const { ip, index } of info.loadBalancerVIPs) {
      rules.push(externalRefusal(port, refused, port.destination(ip), path(index)));
    }
  }
  return rules;
}

function nodePortRules(port: IptablesPort, state: PortState, settings: IptablesSettings): RuleLine[] {
  const { info, chains } = port;
  if (info.nodePort === 0) return [];
  const path = ['spec', 'ports', info.index, 'nodePort'];
  const cause = port.cause(...path);
  const text = comment(info.nameString);
  const dport = ['--dport', String(info.nodePort)];
  const rules: RuleLine[] = [];
  if (state.hasEndpoints) {
    if (settings.localhostNodePorts && settings.family === 'IPv4' && settings.nfacct.localhostNodePorts) {
      const counter = ['-m', 'nfacct', '--nfacct-name', 'localhost_nps_accepted_pkts'];
      const match = [...port.protocolMatch(), '-d', '127.0.0.0/8', ...dport, ...counter];
      const args = [...text, ...match, '-j', chains.external];
      rules.push({ table: 'nat', chain: 'KUBE-NODEPORTS', args, cause });
    }
    const args = [...text, ...port.protocolMatch(), ...dport, '-j', chains.external];
    rules.push({ table: 'nat', chain: 'KUBE-NODEPORTS', args, cause });
  }
  if (!hasExternalEndpoints(port, state)) {
    const match = ['-m', 'addrtype', '--dst-type', 'LOCAL', ...port.protocolMatch(), ...dport];
    rules.push(externalRefusal(port, refusal(port, state, 'externalTrafficPolicy'), match, path));
  }
  return rules;
}

function healthCheckRules(port: IptablesPort): RuleLine[] {
  const { nameString, healthCheckNodePort } = port.info;
  if (healthCheckNodePort === 0) return [];
  const match = ['-m', 'tcp', '-p', 'tcp', '--dport', String(healthCheckNodePort)];
  return [
    {
      table: 'filter',
      chain: 'KUBE-NODEPORTS',
      args: [...comment(`${nameString} health check node port`), ...match, '-j', 'ACCEPT'],
      cause: port.cause('spec', 'healthCheckNodePort'),
    },
  ];
}

/** The top-level rules of one service port, in the order in which kube-proxy writes them. */
export function dispatchRules(port: IptablesPort, state: PortState, settings: IptablesSettings): RuleLine[] {
  return [
    clusterIPRule(port, state),
    ...externalIPRules(port, state),
    ...loadBalancerRules(port, state),
    ...nodePortRules(port, state, settings),
    ...healthCheckRules(port),
  ];
}
