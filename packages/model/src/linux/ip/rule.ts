/** `ip rule`: net/core/fib_rules.c, as iproute2 asks it (ip/iprule.c). */
import { type Family, formatPrefix, networkOf, type PolicyRule } from '@podwire/engine';
import { type Host, MAIN_TABLE, rulesToChange } from './host.ts';
import { tableId } from './names.ts';
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

/** `80` or `80-90`. */
function readPorts(text: string, what: string): { from: number; to: number } {
  const [from = '', to = from] = text.split('-');
  return { from: numberOf(from, what, 65535), to: numberOf(to, what, 65535) };
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

function sameRange(a: PolicyRule['sport'], b: PolicyRule['sport']): boolean {
  return a?.from === b?.from && a?.to === b?.to;
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
    a.fwmark?.value === b.fwmark?.value &&
    a.fwmark?.mask === b.fwmark?.mask &&
    a.ipproto === b.ipproto &&
    sameRange(a.sport, b.sport) &&
    sameRange(a.dport, b.dport) &&
    a.suppressPrefixLength === b.suppressPrefixLength
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
