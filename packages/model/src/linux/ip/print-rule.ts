/** `ip rule show`: records as `ip -j` prints them, and lines (iproute2's ip/iprule.c:print_rule). */
import { type Family, formatAddress, type Netns, type PolicyRule, parsePrefix } from '@podwire/engine';
import { rulesOf } from './host.ts';
import { groupName, tableName } from './names.ts';

/** One element of `ip -j rule show`. */
export interface RuleRecord {
  priority: number;
  not?: null;
  src: string;
  srclen?: number;
  dst?: string;
  dstlen?: number;
  tos?: string;
  fwmark?: string;
  fwmask?: string;
  iif?: string;
  oif?: string;
  ipproto?: string;
  sport?: number;
  sport_start?: number;
  sport_end?: number;
  dport?: number;
  dport_start?: number;
  dport_end?: number;
  sport_mask?: string;
  dport_mask?: string;
  uid_start?: number;
  uid_end?: number;
  tun_id?: number;
  dscp?: string;
  dscp_mask?: string;
  flowlabel?: string;
  flowlabel_mask?: string;
  table?: string;
  /** Into the table of the VRF at hand. */
  l3mdev?: null;
  goto?: number;
  /** The rule that `goto` names does not exist. */
  unresolved?: null;
  nop?: null;
  action?: 'blackhole' | 'unreachable' | 'prohibit';
  suppress_prefixlen?: number;
  suppress_ifgroup?: string;
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'ipv6-icmp',
  132: 'sctp',
};

function prefixFields(side: 'src' | 'dst', text: string): Partial<RuleRecord> {
  const prefix = parsePrefix(text);
  if (!prefix) return { [side]: text };
  const host = prefix.length === (prefix.family === 4 ? 32 : 128);
  return { [side]: formatAddress(prefix), ...(!host && { [`${side}len`]: prefix.length }) };
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const LABEL_MAX = 0xfffff;

/** Who sends, and by which marks of its header. */
function senderFields({ uidrange, tunId, dscp, flowlabel }: PolicyRule): Partial<RuleRecord> {
  return {
    ...(uidrange && { uid_start: uidrange.from, uid_end: uidrange.to }),
    ...(tunId && { tun_id: tunId }),
    ...(dscp && { dscp: String(dscp.value) }),
    ...(dscp?.mask !== undefined && { dscp_mask: hex(dscp.mask) }),
    ...(flowlabel && { flowlabel: hex(flowlabel.value) }),
    ...(flowlabel && flowlabel.mask !== LABEL_MAX && { flowlabel_mask: hex(flowlabel.mask) }),
  };
}

function portFields(name: 'sport' | 'dport', range: PolicyRule['sport']): Partial<RuleRecord> {
  if (!range) return {};
  if (range.mask !== undefined) return { [name]: range.from, [`${name}_mask`]: hex(range.mask) };
  if (range.from === range.to) return { [name]: range.from };
  return { [`${name}_start`]: range.from, [`${name}_end`]: range.to };
}

function actionFields(action: PolicyRule['action'], rules: readonly PolicyRule[]): Partial<RuleRecord> {
  switch (action.kind) {
    case 'lookup':
      return { table: tableName(action.table) };
    case 'goto': {
      const found = rules.some((rule) => rule.priority === action.priority);
      return { goto: action.priority, ...(!found && { unresolved: null }) };
    }
    case 'nop':
      return { nop: null };
    default:
      return { action: action.kind };
  }
}

export function ruleRecords(netns: Netns, family: Family): RuleRecord[] {
  const rules = rulesOf(netns, family);
  return rules.map((rule) => {
    const { fwmark } = rule;
    return {
      priority: rule.priority,
      ...(rule.not && { not: null }),
      src: 'all',
      ...(rule.from !== undefined && prefixFields('src', rule.from)),
      ...(rule.to !== undefined && prefixFields('dst', rule.to)),
      ...(rule.tos ? { tos: `0x${rule.tos.toString(16).padStart(2, '0')}` } : {}),
      ...(fwmark && { fwmark: hex(fwmark.value) }),
      ...(fwmark && fwmark.mask !== 0xffffffff && { fwmask: hex(fwmark.mask) }),
      ...(rule.iif !== undefined && { iif: rule.iif }),
      ...(rule.oif !== undefined && { oif: rule.oif }),
      ...(rule.ipproto !== undefined && { ipproto: PROTOCOLS[rule.ipproto] ?? String(rule.ipproto) }),
      ...portFields('sport', rule.sport),
      ...portFields('dport', rule.dport),
      ...senderFields(rule),
      ...(rule.l3mdev ? { l3mdev: null } : actionFields(rule.action, rules)),
      ...(rule.suppressPrefixLength !== undefined && { suppress_prefixlen: rule.suppressPrefixLength }),
      ...(rule.suppressGroup !== undefined && { suppress_ifgroup: groupName(rule.suppressGroup) }),
    };
  });
}

function portText(name: string, one?: number, start?: number, end?: number, mask?: string): string {
  if (one !== undefined) return ` ${name} ${one}${mask === undefined ? '' : `/${mask}`}`;
  return start === undefined ? '' : ` ${name} ${start}-${end}`;
}

function recordText(r: RuleRecord): string {
  const length = (n: number | undefined) => (n === undefined ? '' : `/${n}`);
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : ` ${name} ${value}`);
  const masked = (name: string, value: string | undefined, mask: string | undefined) =>
    value === undefined ? '' : ` ${name} ${value}${mask === undefined ? '' : `/${mask}`}`;
  return (
    `${r.priority}:\t${r.not === null ? 'not ' : ''}from ${r.src}${length(r.srclen)}` +
    (r.dst === undefined ? '' : ` to ${r.dst}${length(r.dstlen)}`) +
    word('tos', r.tos) +
    masked('fwmark', r.fwmark, r.fwmask) +
    word('iif', r.iif) +
    word('oif', r.oif) +
    portText('uidrange', undefined, r.uid_start, r.uid_end) +
    word('ipproto', r.ipproto) +
    portText('sport', r.sport, r.sport_start, r.sport_end, r.sport_mask) +
    portText('dport', r.dport, r.dport_start, r.dport_end, r.dport_mask) +
    word('tun_id', r.tun_id) +
    masked('dscp', r.dscp, r.dscp_mask) +
    masked('flowlabel', r.flowlabel, r.flowlabel_mask) +
    (r.l3mdev === null ? ' lookup [l3mdev-table]' : '') +
    word('lookup', r.table) +
    word('goto', r.goto) +
    (r.unresolved === null ? ' [unresolved]' : '') +
    (r.nop === null ? ' nop' : '') +
    (r.action === undefined ? '' : ` ${r.action}`) +
    word('suppress_prefixlength', r.suppress_prefixlen) +
    word('suppress_ifgroup', r.suppress_ifgroup)
  );
}

/** `ip rule show`. */
export function printRules(netns: Netns, family: Family): string {
  return ruleRecords(netns, family)
    .map((record) => `${recordText(record)}\n`)
    .join('');
}
