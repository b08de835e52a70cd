/** `ip rule show`: records as `ip -j` prints them, and lines (iproute2's ip/iprule.c:print_rule). */
import { type Family, formatAddress, type Netns, type PolicyRule, parsePrefix } from '@podwire/engine';
import { rulesOf } from './host.ts';
import { tableName } from './names.ts';

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
  table?: string;
  /** Into the table of the VRF at hand. */
  l3mdev?: null;
  goto?: number;
  /** The rule that `goto` names does not exist. */
  unresolved?: null;
  nop?: null;
  action?: 'blackhole' | 'unreachable' | 'prohibit';
  suppress_prefixlen?: number;
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

function portFields(name: 'sport' | 'dport', range: PolicyRule['sport']): Partial<RuleRecord> {
  if (!range) return {};
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
      ...(fwmark && { fwmark: `0x${fwmark.value.toString(16)}` }),
      ...(fwmark && fwmark.mask !== 0xffffffff && { fwmask: `0x${fwmark.mask.toString(16)}` }),
      ...(rule.iif !== undefined && { iif: rule.iif }),
      ...(rule.oif !== undefined && { oif: rule.oif }),
      ...(rule.ipproto !== undefined && { ipproto: PROTOCOLS[rule.ipproto] ?? String(rule.ipproto) }),
      ...portFields('sport', rule.sport),
      ...portFields('dport', rule.dport),
      ...(rule.l3mdev ? { l3mdev: null } : actionFields(rule.action, rules)),
      ...(rule.suppressPrefixLength !== undefined && { suppress_prefixlen: rule.suppressPrefixLength }),
    };
  });
}

function portText(name: string, one?: number, start?: number, end?: number): string {
  if (one !== undefined) return ` ${name} ${one}`;
  return start === undefined ? '' : ` ${name} ${start}-${end}`;
}

function recordText(r: RuleRecord): string {
  const length = (n: number | undefined) => (n === undefined ? '' : `/${n}`);
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : ` ${name} ${value}`);
  const mark = r.fwmark === undefined ? '' : ` fwmark ${r.fwmark}${r.fwmask === undefined ? '' : `/${r.fwmask}`}`;
  return (
    `${r.priority}:\t${r.not === null ? 'not ' : ''}from ${r.src}${length(r.srclen)}` +
    (r.dst === undefined ? '' : ` to ${r.dst}${length(r.dstlen)}`) +
    word('tos', r.tos) +
    mark +
    word('iif', r.iif) +
    word('oif', r.oif) +
    word('ipproto', r.ipproto) +
    portText('sport', r.sport, r.sport_start, r.sport_end) +
    portText('dport', r.dport, r.dport_start, r.dport_end) +
    (r.l3mdev === null ? ' lookup [l3mdev-table]' : '') +
    word('lookup', r.table) +
    word('goto', r.goto) +
    (r.unresolved === null ? ' [unresolved]' : '') +
    (r.nop === null ? ' nop' : '') +
    (r.action === undefined ? '' : ` ${r.action}`) +
    word('suppress_prefixlength', r.suppress_prefixlen)
  );
}

/** `ip rule show`. */
export function printRules(netns: Netns, family: Family): string {
  return ruleRecords(netns, family)
    .map((record) => `${recordText(record)}\n`)
    .join('');
}
