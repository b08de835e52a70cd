/** The rules that kube-proxy writes whatever the cluster holds, and the jumps by which packets come to its chains. */

import { ALWAYS, comment, type RuleLine, restoreLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

/** Chains that every sync writes anew, in the order of their `:chain` lines. */
export const TOP_LEVEL_CHAINS = {
  filter: ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL'],
  nat: ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'],
} as const;

/** Empty, in every table: kube-proxy sees by it that somebody flushed the tables. */
export const CANARY = 'KUBE-PROXY-CANARY';

/** The kubelet's chain, which kube-proxy makes too. */
export const KUBELET_FIREWALL = 'KUBE-FIREWALL';

const NEW = ['-m', 'conntrack', '--ctstate', 'NEW'];

function jump(table: 'filter' | 'nat', from: string, to: string, text?: string, before: string[] = []): RuleLine {
  return {
    table,
    chain: from,
    args: [...before, ...(text === undefined ? [] : comment(text)), '-j', to],
    cause: ALWAYS,
  };
}

/**
 * The jumps out of the built-in chains, in the order in which they stand there on a fresh node: kube-proxy puts each at the front.
 */
export const JUMPS: readonly RuleLine[] = [
  jump('filter', 'INPUT', KUBELET_FIREWALL),
  jump('filter', 'INPUT', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW),
  jump('filter', 'INPUT', 'KUBE-NODEPORTS', 'kubernetes health check service ports'),
  jump('filter', 'INPUT', 'KUBE-EXTERNAL-SERVICES', 'kubernetes externally-visible service portals', NEW),
  jump('filter', 'FORWARD', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW),
  jump('filter', 'FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules'),
  jump('filter', 'FORWARD', 'KUBE-SERVICES', 'kubernetes service portals', NEW),
  jump('filter', 'FORWARD', 'KUBE-EXTERNAL-SERVICES', 'kubernetes externally-visible service portals', NEW),
  jump('filter', 'OUTPUT', KUBELET_FIREWALL),
  jump('filter', 'OUTPUT', 'KUBE-PROXY-FIREWALL', 'kubernetes load balancer firewall', NEW),
  jump('filter', 'OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals', NEW),
  jump('nat', 'PREROUTING', 'KUBE-SERVICES', 'kubernetes service portals'),
  jump('nat', 'OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals'),
  jump('nat', 'POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules'),
];

/** The jumps as lines of iptables-restore's input. */
export function iptablesJumpLines(): { table: 'filter' | 'nat'; line: string }[] {
  return JUMPS.map((rule) => ({ table: rule.table, line: restoreLine(rule) }));
}

const fixed = (table: 'filter' | 'nat', chain: string, ...args: string[]): RuleLine => ({
  table,
  chain,
  args,
  cause: ALWAYS,
});

/** Source address translation for marked packets, and the mark itself. */
export function masqueradeRules({
  masqueradeMark: mark,
  randomFully,
}: Pick<IptablesSettings, 'masqueradeMark' | 'randomFully'>): RuleLine[] {
  return [
    fixed('nat', 'KUBE-POSTROUTING', '-m', 'mark', '!', '--mark', `${mark}/${mark}`, '-j', 'RETURN'),
    // The mark goes, lest the packet be masqueraded again when it passes the stack a second time.
    fixed('nat', 'KUBE-POSTROUTING', '-j', 'MARK', '--xor-mark', mark),
    fixed(
      'nat',
      'KUBE-POSTROUTING',
      ...comment('kubernetes service traffic requiring SNAT'),
      '-j',
      'MASQUERADE',
      ...(randomFully ? ['--random-fully'] : []),
    ),
    fixed('nat', 'KUBE-MARK-MASQ', '-j', 'MARK', '--or-mark', mark),
  ];
}

/** Closes the hole that route_localnet opens: packets from elsewhere to 127.0.0.0/8. (kubernetes/kubernetes#90259) */
export function localnetRules({ family, localhostNodePorts }: IptablesSettings): RuleLine[] {
  if (family === 'IPv6' || !localhostNodePorts) return [];
  return [
    fixed(
      'filter',
      KUBELET_FIREWALL,
      ...comment('block incoming localnet connections'),
      ...['-d', '127.0.0.0/8', '!', '-s', '127.0.0.0/8'],
      ...['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'DROP'],
    ),
  ];
}

/** KUBE-FORWARD: Service traffic passes whatever the policy of FORWARD is. */
export function forwardRules(settings: IptablesSettings): RuleLine[] {
  const { conntrackTCPLiberal, nfacct } = settings;
  const counter = nfacct.invalidDropped ? ['-m', 'nfacct', '--nfacct-name', 'ct_state_invalid_dropped_pkts'] : [];
  const invalid = fixed(
    'filter',
    'KUBE-FORWARD',
    ...['-m', 'conntrack', '--ctstate', 'INVALID', ...counter, '-j', 'DROP'],
  );
  return [
    // A packet that conntrack finds invalid would leave without its translation and reset the connection. (kubernetes/kubernetes#74839)
    ...(conntrackTCPLiberal ? [] : [invalid]),
    ...acceptForwarded(settings),
  ];
}

/** Marked packets pass, and what follows them. */
export function acceptForwarded({ masqueradeMark: mark }: Pick<IptablesSettings, 'masqueradeMark'>): RuleLine[] {
  return [
    fixed(
      'filter',
      'KUBE-FORWARD',
      ...comment('kubernetes forwarding rules'),
      ...['-m', 'mark', '--mark', `${mark}/${mark}`, '-j', 'ACCEPT'],
    ),
    fixed(
      'filter',
      'KUBE-FORWARD',
      ...comment('kubernetes forwarding conntrack rule'),
      ...['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
    ),
  ];
}
