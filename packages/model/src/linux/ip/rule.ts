/** `ip rule`: net/core/fib_rules.c, as iproute2 asks it (ip/iprule.c). */
import { type Family, formatPrefix, networkOf, type PolicyPorts, type PolicyRule } from '@podwire/engine';
import { type Host, MAIN_TABLE, rulesToChange } from './host.ts';
import { dscpOf, groupId, tableId } from './names.ts';
import { IpRefusal, kernelError, kernelSays } from './refusal.ts';
import { numberOf, prefixOf, type Words } from './words.ts';

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  'ipv6-icmp': 58,
  icmpv6: 58,
  sctp: 132,
};

function readPrefix(
  words: Words,
  family: Family | undefined,
): { text: string | undefined; family: Family | undefined } {
  const word = words.next('prefix');
  if (word === 'all' || word === 'any' || word === 'default') return { text: undefined, family };
  const prefix = prefixOf(word, family);
  return { text: prefix.length === 0 ? undefined : formatPrefix(networkOf(prefix)), family: prefix.family };
}

/** `80`, `80-90`, or `0x100/0xff00`. */
function readPorts(text: string, what: string): PolicyPorts {
  const [value = '', mask] = text.split('/');
  if (mask !== undefined) {
    const from = numberOf(value, what, 65535);
    return { from, to: from, mask: numberOf(mask, what, 65535) };
  }
  const [from = '', to = from] = text.split('-');
  return { from: numberOf(from, what, 65535), to: numberOf(to, what, 65535) };
}

const DSCP_MAX = 0x3f;
const LABEL_MAX = 0xfffff;

function readDscp(text: string): NonNullable<PolicyRule['dscp']> {
  const [value = '', mask] = text.split('/');
  return { value: dscpOf(value), ...(mask !== undefined && { mask: numberOf(mask, 'dscp', DSCP_MAX) }) };
}

function readLabel(text: string): { value: number; mask: number } {
  const [value = '', mask] = text.split('/');
  const read = (word: string) => numberOf(word, 'flowlabel', LABEL_MAX);
  return { value: read(value), mask: mask === undefined ? LABEL_MAX : read(mask) };
}

function readUsers(text: string): { from: number; to: number } {
  const [from = '', to = ''] = text.split('-');
  return { from: numberOf(from, 'uidrange'), to: numberOf(to, 'uidrange') };
}

function readMark(text: string): { value: number; mask: number } {
  const [value = '', mask] = text.split('/');
  return { value: numberOf(value, 'fwmark'), mask: mask === undefined ? 0xffffffff : numberOf(mask, 'fwmark') };
}

interface Asked {
  rule: Omit<PolicyRule, 'priority'>;
  priority: number | undefined;
  given: boolean;
}

function read(words: Words, asked: Family | undefined): Asked {
  let family = asked;
  let priority: number | undefined;
  let given = false;
  const selector: Omit<PolicyRule, 'priority' | 'family' | 'action'> = {};
  let action: PolicyRule['action'] = { kind: 'lookup', table: MAIN_TABLE };
  while (!words.done) {
    const word = words.next();
    switch (word) {
      case 'not':
        selector.not = true;
        break;
      case 'from':
      case 'to': {
        const prefix = readPrefix(words, family);
        family = prefix.family;
        if (prefix.text !== undefined) selector[word] = prefix.text;
        break;
      }
      case 'priority':
      case 'preference':
      case 'pref':
      case 'order':
        priority = words.number('preference');
        break;
      case 'tos':
      case 'dsfield':
        selector.tos = words.number('tos', 255, 16);
        break;
      case 'fwmark':
        selector.fwmark = readMark(words.next('fwmark'));
        break;
      case 'iif':
      case 'dev':
        selector.iif = words.next('device');
        break;
      case 'oif':
        selector.oif = words.next('device');
        break;
      case 'ipproto': {
        const name = words.next('protocol');
        selector.ipproto = PROTOCOLS[name] ?? numberOf(name, 'ipproto', 255);
        break;
      }
      case 'sport':
      case 'dport':
        selector[word] = readPorts(words.next('port'), word);
        break;
      case 'dscp':
        selector.dscp = readDscp(words.next('dscp'));
        break;
      case 'flowlabel':
        selector.flowlabel = readLabel(words.next('flowlabel'));
        break;
      case 'uidrange':
        selector.uidrange = readUsers(words.next('uidrange'));
        break;
      case 'tun_id':
        selector.tunId = words.number('tun_id', Number.MAX_SAFE_INTEGER);
        break;
      case 'suppress_ifgroup':
      case 'sup_group':
        selector.suppressGroup = groupId(words.next('suppress_ifgroup'));
        break;
      case 'suppress_prefixlength':
      case 'sup_pl':
        selector.suppressPrefixLength = words.number('suppress_prefixlength', 128);
        break;
      case 'l3mdev':
        given = true;
        selector.l3mdev = true;
        action = { kind: 'lookup', table: 0 };
        break;
      case 'lookup':
      case 'table':
        given = true;
        action = { kind: 'lookup', table: tableId(words.next('table')) };
        break;
      case 'goto':
        given = true;
        action = { kind: 'goto', priority: words.number('target') };
        break;
      case 'nop':
      case 'blackhole':
      case 'unreachable':
      case 'prohibit':
        given = true;
        action = { kind: word };
        break;
      case 'type':
        break;
      default:
        throw new IpRefusal(`rule selector "${word}" is not modelled`);
    }
  }
  return { rule: { family: family ?? 4, ...selector, action }, priority, given };
}

/** Priorities given by the kernel count down from the first rule behind `local`. */
function freePriority(rules: readonly PolicyRule[], family: Family): number {
  const second = rules.filter((rule) => rule.family === family)[1];
  return second && second.priority > 0 ? second.priority - 1 : 0;
}

function sameRange(a: PolicyPorts | undefined, b: PolicyPorts | undefined): boolean {
  return a?.from === b?.from && a?.to === b?.to && a?.mask === b?.mask;
}

/** Selectors of a value and its mask. */
function sameMasked(a: { value: number; mask?: number } | undefined, b: typeof a): boolean {
  return a?.value === b?.value && a?.mask === b?.mask;
}

function sameSelectors(a: Omit<PolicyRule, 'priority'>, b: Omit<PolicyRule, 'priority'>): boolean {
  return (
    a.family === b.family &&
    !a.not === !b.not &&
    !a.l3mdev === !b.l3mdev &&
    a.from === b.from &&
    a.to === b.to &&
    a.iif === b.iif &&
    a.oif === b.oif &&
    (a.tos ?? 0) === (b.tos ?? 0) &&
    sameMasked(a.fwmark, b.fwmark) &&
    sameMasked(a.dscp, b.dscp) &&
    sameMasked(a.flowlabel, b.flowlabel) &&
    sameRange(a.uidrange, b.uidrange) &&
    a.tunId === b.tunId &&
    a.ipproto === b.ipproto &&
    sameRange(a.sport, b.sport) &&
    sameRange(a.dport, b.dport) &&
    a.suppressPrefixLength === b.suppressPrefixLength &&
    a.suppressGroup === b.suppressGroup
  );
}

function sameAction(a: PolicyRule['action'], b: PolicyRule['action']): boolean {
  return (
    a.kind === b.kind &&
    (a.kind !== 'lookup' || b.kind !== 'lookup' || a.table === b.table) &&
    (a.kind !== 'goto' || b.kind !== 'goto' || a.priority === b.priority)
  );
}

export function addRule(host: Host, words: Words, family: Family | undefined): void {
  const { rule, priority } = read(words, family);
  const rules = rulesToChange(host.netns);
  const made: PolicyRule = { ...rule, priority: priority ?? freePriority(rules, rule.family) };
  if (((rule.tos ?? 0) & 3) !== 0) throw kernelSays('Invalid dsfield (tos): ECN bits must be 0');
  if (rule.tos && rule.dscp) throw kernelSays('Cannot specify both TOS and DSCP');
  if (rule.flowlabel && rule.family === 4) throw kernelSays('Flow label cannot be specified');
  if (made.action.kind === 'goto' && made.action.priority <= made.priority) {
    throw kernelSays('Backward goto not supported');
  }
  const exists = rules.some(
    (other) => other.priority === made.priority && sameSelectors(other, made) && sameAction(other.action, made.action),
  );
  if (exists) throw kernelError('EEXIST');
  const behind = rules.findIndex((other) => other.family === made.family && other.priority > made.priority);
  rules.splice(behind < 0 ? rules.length : behind, 0, made);
}

/** The first rule that has all that was said. */
export function deleteRule(host: Host, words: Words, family: Family | undefined): void {
  const { rule, priority, given } = read(words, family);
  const rules = rulesToChange(host.netns);
  const asked = Object.entries(rule).filter(([key]) => key !== 'family' && key !== 'action');
  const at = rules.findIndex(
    (other) =>
      other.family === rule.family &&
      (priority === undefined || other.priority === priority) &&
      (!given || sameAction(other.action, rule.action)) &&
      asked.every(([key, value]) => JSON.stringify(other[key as keyof PolicyRule]) === JSON.stringify(value)),
  );
  if (at < 0) throw kernelError('ENOENT');
  rules.splice(at, 1);
}
