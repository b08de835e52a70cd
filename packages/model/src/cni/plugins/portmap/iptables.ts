/** Host ports by iptables (plugins/meta/portmap/{portmap_iptables,chain,utils}.go). */
import { IptablesRefusal, type LiveIptables } from '../../../linux/index.ts';
import type { Host } from '../../host/host.ts';
import { CniError } from '../../runtime/call.ts';
import { familyOf, hostOf } from '../../shared/address.ts';
import { ensureChain, putOnce, ruleStands, runIptables } from '../../shared/iptables.ts';
import { chainName } from '../../shared/names.ts';
import type { Mapper } from './mapper.ts';
import { mappingsOf, type Settings } from './settings.ts';

/** A chain with its rules, and the rules that lead to it. */
interface OwnChain {
  name: string;
  rules: string[][];
  entries: string[][];
  from: string[];
  /** Entries stand before all others. */
  first?: boolean;
}

const ALL = 'CNI-HOSTPORT-DNAT';
const SET_MARK = 'CNI-HOSTPORT-SETMARK';
const MASQUERADE = 'CNI-HOSTPORT-MASQ';
/** xt_multiport takes so many. */
const PORTS_MAX = 15;
const COMMENT_MAX = 255;

function setUp(tool: LiveIptables, { name, rules, entries, from, first = false }: OwnChain): void {
  ensureChain(tool, 'nat', name);
  for (const rule of rules) putOnce(tool, 'nat', name, rule);
  for (const chain of from)
    for (const entry of entries) putOnce(tool, 'nat', chain, [...entry, '-j', name], first ? 'first' : 'last');
}

function tearDown(tool: LiveIptables, { name, entries, from }: OwnChain): void {
  if (!tool.hasChain('nat', name)) return;
  for (const chain of from) for (const entry of entries) tool.try(['-t', 'nat', '-D', chain, ...entry, '-j', name]);
  for (const chain of from) tool.deleteJumps('nat', chain, name);
  runIptables(tool, ['-t', 'nat', '-F', name]);
  runIptables(tool, ['-t', 'nat', '-X', name]);
}

function markChains({ markBit }: Settings): OwnChain[] {
  const mark = `0x${((1 << markBit) >>> 0).toString(16)}`;
  const comment = (text: string) => ['-m', 'comment', '--comment', text];
  return [
    {
      name: SET_MARK,
      rules: [[...comment('CNI portfwd masquerade mark'), '-j', 'MARK', '--set-xmark', `${mark}/${mark}`]],
      entries: [],
      from: [],
    },
    {
      name: MASQUERADE,
      rules: [['-m', 'mark', '--mark', `${mark}/${mark}`, '-j', 'MASQUERADE']],
      entries: [comment('CNI portfwd requiring masquerade')],
      from: ['POSTROUTING'],
      // Else the rules of ipMasq end the walk before.
      first: true,
    },
  ];
}

const ALL_PORTS: OwnChain = {
  name: ALL,
  rules: [],
  entries: [['-m', 'addrtype', '--dst-type', 'LOCAL']],
  from: ['PREROUTING', 'OUTPUT'],
};

/** Ports by protocol, in lists that one rule takes. */
function entriesOf({ network, id, mappings, conditions }: Settings, family: 4 | 6): string[][] {
  const full = `dnat name: "${network}" id: "${id}"`;
  const comment = full.length <= COMMENT_MAX ? full : `${full.slice(0, COMMENT_MAX - 2)}...`;
  const byProtocol = new Map<string, number[]>();
  for (const { protocol, hostPort } of mappings)
    byProtocol.set(protocol, [...(byProtocol.get(protocol) ?? []), hostPort]);
  const found: string[][] = [];
  for (const [protocol, ports] of [...byProtocol].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (let at = 0; at < ports.length; at += PORTS_MAX) {
      const list = ports.slice(at, at + PORTS_MAX).join(',');
      const match = [
        '-m',
        'comment',
        '--comment',
        comment,
        '-m',
        'multiport',
        '-p',
        protocol,
        '--destination-ports',
        list,
      ];
      found.push([...match, ...conditions[family]]);
    }
  return found;
}

/** Mark what goes back to the pod's own subnet or comes from 127.0.0.1, then send it to the pod. */
function rulesOf(settings: Settings, address: string): string[][] {
  const { snat, masqueradesAll, externalMarkChain = SET_MARK } = settings;
  const family = familyOf(address);
  const pod = hostOf(address);
  return mappingsOf(settings, family).flatMap(({ mapping: { protocol, hostPort, containerPort }, hostIP }) => {
    const match = ['-p', protocol, '--dport', String(hostPort), ...(hostIP === undefined ? [] : ['-d', hostIP])];
    const everyone = family === 4 ? '0.0.0.0/0' : '::/0';
    const mark = (source: string) => [...match, '-s', source, '-j', externalMarkChain];
    return [
      ...(snat ? [mark(masqueradesAll ? everyone : address)] : []),
      ...(snat && family === 4 && !masqueradesAll ? [mark('127.0.0.1')] : []),
      [...match, '-j', 'DNAT', '--to-destination', `${family === 4 ? pod : `[${pod}]`}:${containerPort}`],
    ];
  });
}

function podChain(settings: Settings): OwnChain {
  return { name: chainName(settings.network, settings.id, 'DN-'), rules: [], entries: [], from: [ALL] };
}

const toolOf = ({ own }: Host, family: 4 | 6) => own.iptables[family === 4 ? 'ip' : 'ip6'];

function forwardPorts(host: Host, settings: Settings, address: string): void {
  const family = familyOf(address);
  const tool = toolOf(host, family);
  if (settings.snat && settings.externalMarkChain === undefined)
    for (const chain of markChains(settings)) setUp(tool, chain);
  setUp(tool, ALL_PORTS);
  const chain = { ...podChain(settings), rules: rulesOf(settings, address), entries: entriesOf(settings, family) };
  try {
    setUp(tool, chain);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(`unable to setup DNAT: ${error.message}`);
  }
}

/** Go prints lists of lists of words with blanks between. */
const shownRules = (rules: readonly (readonly string[])[]) =>
  `[${rules.map((rule) => `[${rule.join(' ')}]`).join(' ')}]`;

function checkForwarded(host: Host, settings: Settings, address: string): void {
  const family = familyOf(address);
  const tool = toolOf(host, family);
  const { name } = podChain(settings);
  const fail = (why: string) => new CniError(`could not check ipv${family} dnat: ${why}`);
  if (!tool.hasChain('nat', name)) throw fail(`chain ${name} not found in iptables table nat`);
  const rules = rulesOf(settings, address);
  if (!rules.every((rule) => ruleStands(tool, 'nat', name, rule)))
    throw fail(`rule ${shownRules(rules)} in chain ${name} not found in table nat`);
  const entries = entriesOf(settings, family);
  if (!entries.every((entry) => ruleStands(tool, 'nat', ALL, [...entry, '-j', name])))
    throw fail(`rule ${shownRules(entries)} in chain ${ALL} not found in table nat`);
}

function unforwardPorts(host: Host, settings: Settings): void {
  for (const family of [4, 6] as const) {
    const tool = toolOf(host, family);
    tearDown(tool, podChain(settings));
    const old = chainName(settings.network, settings.id, 'SN-');
    try {
      tearDown(tool, { name: old, rules: [], entries: [], from: ['CNI-HOSTPORT-SNAT'] });
    } catch (error) {
      if (!(error instanceof CniError) && !(error instanceof IptablesRefusal)) throw error;
    }
  }
}

export const byIptables: Mapper = { forward: forwardPorts, check: checkForwarded, unforward: unforwardPorts };
