/** What tests are read against. */
import type { Match, Netns, NftSet, Statement } from '@podwire/engine';
import type { Diagram } from '../space/diagram.ts';
import type { Field } from '../space/fields.ts';
import type { PacketSpace } from '../space/packet-space.ts';

export interface MatchContext {
  space: PacketSpace;
  /** Where the rules stand: its sets and addresses. Absent: only the rules are known, and such tests are atoms. */
  netns?: Netns;
  /** Names of sets that rules write to: what they hold when a packet asks is not known. */
  writtenSets: ReadonlySet<string>;
  /** What is a function of the packet and the host that nobody here knows: the same text, the same answer. */
  opaque(text: string): Diagram;
  /** What is drawn anew each time a packet meets it: chance, limits, lists that change. Holds or does not; the text names it. */
  draw(text: string): Diagram;
  /** The same for numbers: a field that has no other use. */
  drawNumber(text: string, width: number): Field;
  /** The packets for which a statement holds; undefined for one that is no test. */
  test(statement: Statement): Diagram | undefined;
  /** A named set or map of the rule's table. */
  setNamed(name: string): NftSet | undefined;
}

export type MatchOf<K extends Match['kind']> = Match & { kind: K };

/** Packets for which the test holds. Throws `RangeError` for an address or prefix that is none. */
export type MatchSet<K extends Match['kind']> = (context: MatchContext, match: MatchOf<K>) => Diagram;
