/** One row per kind of test. */
import type { PlainMatch } from '@podwire/engine';
import { type Diagram, TRUE } from '../space/diagram.ts';
import { addrtype } from './addrtype.ts';
import { limit, recent, statistic, unmodelled } from './chance.ts';
import { connmark, conntrack, state } from './conntrack.ts';
import type { MatchContext, MatchSet } from './context.ts';
import * as header from './header.ts';
import { ipset } from './ipset.ts';
import { compare, lookup } from './nft.ts';

const SETS: { readonly [K in PlainMatch['kind']]: MatchSet<K> } = {
  saddr: header.address,
  daddr: header.address,
  iif: header.inface,
  oif: header.inface,
  protocol: header.protocol,
  fragment: header.fragment,
  tcp: header.tcp,
  udp: header.udpOrSctp,
  sctp: header.udpOrSctp,
  icmp: header.icmp,
  icmp6: header.icmp,
  multiport: header.multiport,
  mark: header.mark,
  connmark,
  state,
  conntrack,
  addrtype,
  statistic,
  comment: () => TRUE,
  nfacct: () => TRUE,
  physdev: header.physdev,
  recent,
  set: ipset,
  iprange: header.iprange,
  mac: header.mac,
  tos: header.tos,
  ttl: header.ttl,
  length: header.length,
  owner: unmodelled,
  rpfilter: ({ opaque, space }, { not, ...test }) => space.unless(not, opaque(`-m rpfilter ${JSON.stringify(test)}`)),
  limit,
  unmodelled,
  compare,
  lookup,
};

/** Packets for which the test holds. */
export function matchSet<K extends PlainMatch['kind']>(
  context: MatchContext,
  match: PlainMatch & { kind: K },
): Diagram {
  return (SETS[match.kind as K] as MatchSet<K>)(context, match);
}

export const isMatch = (statement: { kind: string }): statement is PlainMatch => Object.hasOwn(SETS, statement.kind);
