/** Tests of the packet's connection: state_mt (xt_state.c), connmark_mt (xt_connmark.c), conntrack_mt (xt_conntrack.c). */
import { CtState } from '@podwire/engine';
import { type Diagram, TRUE } from '../space/diagram.ts';
import type { FieldName } from '../space/fields.ts';
import type { PacketSpace } from '../space/packet-space.ts';
import type { MatchSet } from './context.ts';
import { port } from './header.ts';

export const state: MatchSet<'state'> = ({ space }, { states, not }) => space.unless(not, space.state(states));

/** Without a connection there is no mark to compare, negated or not. */
export const connmark: MatchSet<'connmark'> = ({ space }, { value, mask, not }) =>
  space.and(space.connection(), space.unless(not, space.connmark(value, mask)));

const STATUS: Readonly<Record<string, FieldName>> = {
  expected: 'ct expected',
  seen_reply: 'ct seen_reply',
  assured: 'ct assured',
  confirmed: 'ct confirmed',
};

/** `none` is a mask without a bit. */
function status(space: PacketSpace, names: readonly string[]): Diagram {
  const fields = names.flatMap((name) => STATUS[name.toLowerCase()] ?? []);
  return space.or(...fields.map((field) => space.flag(field)));
}

/** With the virtual states SNAT and DNAT. */
function anyState(space: PacketSpace, states: number): Diagram {
  const virtual = (bit: CtState, field: FieldName) =>
    (states & bit) === 0 ? [] : [space.and(space.connection(), space.flag(field))];
  return space.or(space.state(states), ...virtual(CtState.SNAT, 'ct snat'), ...virtual(CtState.DNAT, 'ct dnat'));
}

export const conntrack: MatchSet<'conntrack'> = ({ space }, match) => {
  const prefix = (field: FieldName, test: { prefix: string; not?: boolean } | undefined) =>
    test ? space.unless(test.not, space.prefix(field, test.prefix)) : TRUE;
  const { protocol, direction } = match;
  const states = match.state ? space.unless(match.state.not, anyState(space, match.state.states)) : TRUE;
  const rest = space.and(
    direction === undefined ? TRUE : space.unless(direction === 'ORIGINAL', space.flag('ct direction')),
    prefix('ct original saddr', match.origSrc),
    prefix('ct original daddr', match.origDst),
    prefix('ct reply saddr', match.replSrc),
    prefix('ct reply daddr', match.replDst),
    protocol ? space.unless(protocol.not, space.equals('ct protocol', protocol.protocol)) : TRUE,
    port(space, 'ct original proto-src', match.origSrcPort),
    port(space, 'ct original proto-dst', match.origDstPort),
    port(space, 'ct reply proto-src', match.replSrcPort),
    port(space, 'ct reply proto-dst', match.replDstPort),
    match.status ? space.unless(match.status.not, status(space, match.status.names)) : TRUE,
  );
  // Without a connection the state alone is looked at, and without a test of it nothing holds.
  const connection = space.connection();
  const without = match.state ? space.not(connection) : space.without(TRUE, TRUE);
  return space.and(states, space.or(space.and(connection, rest), without));
};
