/** Every extension that is known, and the printer of every kind of statement. */
import type { IptablesAction, IptablesMatch } from '@podwire/engine';
import type { IpFamily, MatchExtension, TargetExtension } from './base/extension.ts';
import { printText, type TextExtension } from './base/table.ts';
import { addrtype, printAddrtype } from './match/addrtype.ts';
import { comment, printComment } from './match/comment.ts';
import { connlimit } from './match/connlimit.ts';
import { conntrack, printConntrack } from './match/conntrack.ts';
import { hashlimit } from './match/hashlimit.ts';
import { icmp, icmp6, printIcmp } from './match/icmp.ts';
import { iprange, printIprange } from './match/iprange.ts';
import { ipv6HeaderMatches } from './match/ipv6-headers.ts';
import { length, printLength } from './match/length.ts';
import { limit } from './match/limit.ts';
import { mac, printMac } from './match/mac.ts';
import { connmark, mark, printMark } from './match/mark.ts';
import { multiport, printMultiport } from './match/multiport.ts';
import { nfacct, printNfacct } from './match/nfacct.ts';
import { otherMatches, quota } from './match/other.ts';
import { physdev, printPhysdev } from './match/physdev.ts';
import { policy } from './match/policy.ts';
import { rateest } from './match/rateest.ts';
import { printRecent, recent } from './match/recent.ts';
import { printRpfilter } from './match/rpfilter.ts';
import { sctp } from './match/sctp.ts';
import { printSet, set } from './match/set.ts';
import { printState, state } from './match/state.ts';
import { printStatistic, statistic } from './match/statistic.ts';
import { string } from './match/string.ts';
import { printTcp, tcp } from './match/tcp.ts';
import { time } from './match/time.ts';
import { printTos, tos } from './match/tos.ts';
import { transportMatches } from './match/transport.ts';
import { hl, printTtl, ttl } from './match/ttl.ts';
import { u32 } from './match/u32.ts';
import { printUdp, udp } from './match/udp.ts';
import { ct, notrack, printCt } from './target/ct.ts';
import { hmark } from './target/hmark.ts';
import { connmark as connmarkTarget, mark as markTarget, printMoveMark, printSetMark } from './target/mark.ts';
import { nat, printNat } from './target/nat.ts';
import { notes } from './target/note.ts';
import { otherTargets } from './target/other.ts';
import { printReject, reject } from './target/reject.ts';
import { printSetAction, set as setTarget } from './target/set.ts';

function textTarget(extension: TextExtension, kind: 'note' | 'unmodelled-target'): TargetExtension {
  const { rows, ...rest } = extension;
  return {
    ...rest,
    options: rows,
    parse: (given, context) => ({ kind, text: printText('-j', extension, given, context) }),
  };
}

function textMatch(extension: TextExtension, kind: 'limit' | 'unmodelled'): MatchExtension {
  const { rows, ...rest } = extension;
  return {
    ...rest,
    options: rows,
    parse: (given, context) => ({ kind, text: printText('-m', extension, given, context) }),
  };
}

const matches: readonly MatchExtension[] = [
  tcp,
  udp,
  sctp,
  icmp,
  icmp6,
  multiport,
  mark,
  connmark,
  state,
  conntrack,
  addrtype,
  statistic,
  comment,
  physdev,
  recent,
  set,
  iprange,
  mac,
  tos,
  ttl,
  hl,
  length,
  nfacct,
  limit,
  hashlimit,
  connlimit,
  textMatch(quota, 'limit'),
  policy,
  rateest,
  string,
  time,
  u32,
  ...[...transportMatches, ...ipv6HeaderMatches, ...otherMatches].map((extension) =>
    textMatch(extension, 'unmodelled'),
  ),
];

const targets: readonly TargetExtension[] = [
  ...reject,
  markTarget,
  connmarkTarget,
  ...nat,
  ct,
  notrack,
  setTarget,
  hmark,
  ...notes.map((extension) => textTarget(extension, 'note')),
  ...otherTargets.map((extension) => textTarget(extension, 'unmodelled-target')),
];

function find<T extends { name: string; aliases?: readonly string[]; family?: IpFamily }>(
  list: readonly T[],
  name: string,
  family: IpFamily,
): T | undefined {
  const named = (e: T) => e.name === name || e.aliases?.includes(name) === true;
  return list.find((e) => named(e) && (e.family ?? family) === family);
}

export function matchExtension(name: string, family: IpFamily): MatchExtension | undefined {
  return find(matches, name, family);
}

/** The match that `-p` loads without `-m` when one of its options is given. */
export function impliedExtension(protocol: number, family: IpFamily): MatchExtension | undefined {
  return matches.find((e) => (e.family ?? family) === family && e.impliedBy?.includes(protocol));
}

export function targetExtension(name: string, family: IpFamily): TargetExtension | undefined {
  return find(targets, name, family);
}

const ofFamily =
  (family: IpFamily) =>
  (extension: { family?: IpFamily }): boolean =>
    (extension.family ?? family) === family;

export function allMatches(family: IpFamily): readonly MatchExtension[] {
  return matches.filter(ofFamily(family));
}

export function allTargets(family: IpFamily): readonly TargetExtension[] {
  return targets.filter(ofFamily(family));
}

type Header = 'saddr' | 'daddr' | 'iif' | 'oif' | 'protocol' | 'fragment';
/** The member of a union whose `kind` may be `K`. */
type OfKind<S extends { kind: string }, K> = S extends unknown ? (K extends S['kind'] ? S : never) : never;
type Printers<S extends { kind: string }, Kind extends string> = {
  [K in Kind]: (statement: OfKind<S, K>, family: IpFamily) => string;
};

/** `-m name options` of everything that is no header test. */
export const matchPrinters: Printers<IptablesMatch, Exclude<IptablesMatch['kind'], Header>> = {
  tcp: printTcp,
  udp: printUdp,
  sctp: printUdp,
  icmp: printIcmp,
  icmp6: printIcmp,
  multiport: printMultiport,
  mark: printMark,
  connmark: printMark,
  state: printState,
  conntrack: printConntrack,
  addrtype: printAddrtype,
  statistic: printStatistic,
  comment: printComment,
  physdev: printPhysdev,
  recent: printRecent,
  set: printSet,
  iprange: printIprange,
  mac: printMac,
  tos: printTos,
  ttl: printTtl,
  length: printLength,
  nfacct: printNfacct,
  owner: ({ text }) => text,
  rpfilter: printRpfilter,
  extension: ({ text }) => text,
  limit: ({ text }) => text,
  unmodelled: ({ text }) => text,
};

export const actionPrinters: Printers<IptablesAction, IptablesAction['kind']> = {
  accept: () => '-j ACCEPT',
  drop: () => '-j DROP',
  return: () => '-j RETURN',
  jump: ({ chain }) => `-j ${chain}`,
  goto: ({ chain }) => `-g ${chain}`,
  reject: printReject,
  'set-mark': printSetMark,
  'set-connmark': printSetMark,
  'save-mark': printMoveMark,
  'restore-mark': printMoveMark,
  dnat: (action) => printNat(action),
  snat: (action) => printNat(action),
  masquerade: (action) => printNat(action),
  redirect: (action) => printNat(action),
  notrack: printCt,
  'ct-zone': printCt,
  'ct-helper': ({ helper }) => `-j CT --helper ${helper}`,
  'set-add': printSetAction,
  'set-del': printSetAction,
  note: ({ text }) => text,
  queue: ({ text }) => text,
  'extension-target': ({ text }) => text,
  'unmodelled-target': ({ text }) => text,
};
