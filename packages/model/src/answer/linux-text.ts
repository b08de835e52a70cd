/** Rules, routes and connections as their tools print them, one line each: what an answer quotes. */
import {
  type Chain,
  type ConntrackEntry,
  type Nexthop,
  Protocol,
  type Route,
  type Rule,
  type Table,
} from '@podwire/engine';
import { printArptablesRule } from '../linux/arptables/index.ts';
import { printEbtablesRule } from '../linux/ebtables/index.ts';
import { iptablesFamily, printIptablesRule } from '../linux/iptables/index.ts';
import { nftRuleText } from '../linux/nft-compile/index.ts';
import { writtenRule } from '../linux/rule-dump/index.ts';

/** Rules of frames run in other words than those they were read in. */
function savedRule(rule: Rule, table: Table): string {
  if (table.family === 'bridge') return printEbtablesRule(writtenRule(rule));
  if (table.family === 'arp') return printArptablesRule(writtenRule(rule));
  return printIptablesRule(rule, iptablesFamily(table));
}

function wholeRule(chain: Chain, rule: Rule, table: Table): string {
  if (table.syntax !== 'nft') return `-A ${chain.name} ${savedRule(rule, table)}`;
  return `add rule ${table.family} ${table.name} ${chain.name} ${nftRuleText(rule, table.family)}`;
}

/** One answer quotes the same rules thousands of times. */
const ruleTexts = new WeakMap<Rule, string>();

/** `-A KUBE-SERVICES -d 10.96.0.1/32 ...`, as iptables-save prints it; `add rule ip kube-proxy services ...`, as nft reads it. */
export function ruleText(chain: Chain, index: number, table: Table): string {
  const rule = chain.rules[index];
  if (!rule) throw new Error(`chain ${chain.name} has no rule ${index + 1}`);
  let text = ruleTexts.get(rule);
  if (text === undefined) {
    text = wholeRule(chain, rule, table);
    ruleTexts.set(rule, text);
  }
  return text;
}

/** `:FORWARD DROP`, as iptables-save has it; `chain inet filter forward { policy drop; }`, as nft reads it. */
export function policyText({ name, hook }: Chain, { family, name: table, syntax }: Table): string {
  const policy = hook?.policy ?? 'accept';
  return syntax === 'nft'
    ? `chain ${family} ${table} ${name} { policy ${policy}; }`
    : `:${name} ${policy.toUpperCase()}`;
}

const TABLE_NAMES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

export function tableName(id: number): string {
  return TABLE_NAMES[id] ?? String(id);
}

/** What of a route decides the way, as `ip route` prints it; `nexthop` is the one taken of several. */
export function routeText(route: Route, nexthop: Nexthop | undefined = route.nexthops[0]): string {
  const everything = route.family === 4 ? '0.0.0.0/0' : '::/0';
  const single = route.family === 4 ? /\/32$/ : /\/128$/;
  const destination = route.destination === everything ? 'default' : route.destination.replace(single, '');
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    destination,
    ...(nexthop?.encap === undefined ? [] : [`encap ${nexthop.encap}`]),
    ...(nexthop?.via === undefined
      ? []
      : [`via ${nexthop.via.includes(':') && route.family === 4 ? 'inet6 ' : ''}${nexthop.via}`]),
    ...(nexthop ? [`dev ${nexthop.dev}`] : []),
    ...(route.prefsrc === undefined ? [] : [`src ${route.prefsrc}`]),
    ...(route.metric ? [`metric ${route.metric}`] : []),
  ].join(' ');
}

const CT_PROTOCOLS: Readonly<Record<number, string>> = {
  [Protocol.ICMP]: 'icmp',
  [Protocol.TCP]: 'tcp',
  [Protocol.UDP]: 'udp',
  [Protocol.ICMPV6]: 'icmpv6',
  [Protocol.SCTP]: 'sctp',
};

function tupleText(tuple: ConntrackEntry['original'], protocol: number): string {
  const addresses = `src=${tuple.saddr} dst=${tuple.daddr}`;
  if (protocol === Protocol.ICMP || protocol === Protocol.ICMPV6) {
    return `${addresses} type=${tuple.dport >> 8} code=${tuple.dport & 255} id=${tuple.sport}`;
  }
  return `${addresses} sport=${tuple.sport} dport=${tuple.dport}`;
}

/** As `conntrack -L` prints it, without time-out, mark 0 and use count. */
export function conntrackText(entry: ConntrackEntry): string {
  return [
    CT_PROTOCOLS[entry.protocol] ?? `unknown ${entry.protocol}`,
    ...(entry.tcpState === undefined ? [] : [entry.tcpState]),
    tupleText(entry.original, entry.protocol),
    ...(entry.seenReply ? [] : ['[UNREPLIED]']),
    tupleText(entry.reply, entry.protocol),
    ...(entry.assured ? ['[ASSURED]'] : []),
    ...(entry.mark === 0 ? [] : [`mark=${entry.mark}`]),
    ...(entry.zone === 0 ? [] : [`zone=${entry.zone}`]),
  ].join(' ');
}
