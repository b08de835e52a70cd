/** `ip rule show` text, plain or `-j`, to policy rules: the inverse of `print-rule.ts`. */
import type { Family, PolicyRule } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { applyIp, emptyNetns } from './batch.ts';
import { type TableNames, tableIdOf } from './names.ts';
import type { RuleRecord } from './print-rule.ts';
import { byLine, complaint, type ReadOptions, readRecords } from './read-records.ts';

/** The words of `ip rule add` that a record stands for. */
function wordsOf(record: RuleRecord): string[] {
  const words: string[] = [];
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) words.push(name, String(value));
  };
  const length = (n: number | undefined) => (n === undefined ? '' : `/${n}`);
  const range = (one?: number, start?: number, end?: number) =>
    one ?? (start === undefined ? undefined : `${start}-${end}`);
  const masked = (value: string | number | undefined, mask: string | number | undefined) =>
    value === undefined || mask === undefined ? value : `${value}/${mask}`;
  if (record.not !== undefined) words.push('not');
  add('from', record.src === 'all' ? undefined : `${record.src}${length(record.srclen)}`);
  add('to', record.dst === undefined ? undefined : `${record.dst}${length(record.dstlen)}`);
  add('tos', record.tos);
  add(
    'fwmark',
    record.fwmark === undefined ? undefined : `${record.fwmark}${record.fwmask ? `/${record.fwmask}` : ''}`,
  );
  add('iif', record.iif);
  add('oif', record.oif);
  add('ipproto', record.ipproto);
  add('uidrange', range(undefined, record.uid_start, record.uid_end));
  add('sport', masked(range(record.sport, record.sport_start, record.sport_end), record.sport_mask));
  add('dport', masked(range(record.dport, record.dport_start, record.dport_end), record.dport_mask));
  add('tun_id', record.tun_id);
  add('dscp', masked(record.dscp, record.dscp_mask));
  add('flowlabel', masked(record.flowlabel, record.flowlabel_mask));
  add('lookup', record.table);
  if (record.l3mdev !== undefined) words.push('l3mdev');
  add('goto', record.goto);
  if (record.nop !== undefined) words.push('nop');
  if (record.action !== undefined) words.push(record.action);
  add('suppress_prefixlength', record.suppress_prefixlen);
  add('suppress_ifgroup', record.suppress_ifgroup);
  return words;
}

const KEYS = [
  'priority',
  'not',
  'src',
  'srclen',
  'dst',
  'dstlen',
  'tos',
  'fwmark',
  'fwmask',
  'iif',
  'iif_detached',
  'oif',
  'oif_detached',
  'ipproto',
  'sport',
  'sport_start',
  'sport_end',
  'dport',
  'dport_start',
  'dport_end',
  'sport_mask',
  'dport_mask',
  'uid_start',
  'uid_end',
  'tun_id',
  'dscp',
  'dscp_mask',
  'flowlabel',
  'flowlabel_mask',
  'table',
  'l3mdev',
  'goto',
  'unresolved',
  'nop',
  'action',
  'suppress_prefixlen',
  'suppress_ifgroup',
  'protocol',
  // Realms are for accounting alone.
  'flow_from',
  'flow_to',
];

interface Line {
  priority: number;
  words: string[];
}

/** `32766:	from all lookup main`. */
function readLine(line: string): Line {
  const m = /^\s*(\d+):\s*(.*)$/.exec(line);
  if (!m) throw new RangeError('no priority');
  const words = (m[2] ?? '')
    .replace('lookup [l3mdev-table]', 'l3mdev')
    .split(/\s+/)
    .filter((word) => word !== '' && !word.startsWith('['));
  const take = (name: string, value?: string) => {
    const at = words.findIndex((word, i) => word === name && (value === undefined || words[i + 1] === value));
    if (at >= 0) words.splice(at, 2);
  };
  take('from', 'all');
  // Who made the rule, and realms, decide nothing.
  take('proto');
  take('realms');
  return { priority: Number(m[1]), words };
}

/** Rules of IPv6 show it by an address; those without one are IPv4's unless something says otherwise. */
function familyOf(record: Line | RuleRecord): Family {
  const addresses = 'words' in record ? record.words : [record.src, record.dst ?? ''];
  return addresses.some((word) => word.includes(':')) ? 6 : 4;
}

function withTableIds(words: readonly string[], options: RuleReadOptions): string[] {
  return words.map((word, i) => (words[i - 1] === 'lookup' ? String(tableIdOf(word, options)) : word));
}

export interface RuleReadOptions extends ReadOptions {
  /** Ids of tables by names of the host's own (`/etc/iproute2/rt_tables`). */
  tableNames?: TableNames;
}

/** The command that makes the rule reads it, in a namespace that has no other. Throws what it refuses. */
function toRule(record: Line | RuleRecord, family: Family | undefined, options: RuleReadOptions): PolicyRule {
  const strange = 'words' in record ? [] : Object.keys(record).filter((key) => !KEYS.includes(key));
  if (strange.length > 0) throw new RangeError(`${strange.join(', ')} not understood`);
  const words = withTableIds('words' in record ? record.words : wordsOf(record), options);
  const netns = { ...emptyNetns('rule'), rules: [] as PolicyRule[] };
  const command = ['rule', 'add', 'priority', String(record.priority), ...words].join(' ');
  const [refused] = applyIp(netns, `-${family ?? familyOf(record)} ${command}`);
  const [rule] = netns.rules;
  if (refused || !rule) throw new RangeError(refused?.message ?? 'no rule');
  return rule;
}

/** In the order in which they are listed. A rule that is not understood is left out: it is the problem that tells. */
export function readIpRule(
  text: string,
  family: Family | undefined,
  options: RuleReadOptions = {},
): { rules: PolicyRule[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const rules: PolicyRule[] = [];
  const lines = readRecords<Line | RuleRecord>(text, readLine, 'ip-rule', problems, options);
  for (const { record, line } of lines) {
    try {
      rules.push(toRule(record, family, options));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(complaint('ip-rule', `rule ${record.priority}: ${why}`, line, options));
    }
  }
  return { rules, problems: byLine(problems) };
}
