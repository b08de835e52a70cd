/** A set of packets, exact. */
import { Protocol } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import type { PacketSpace } from './space/packet-space.ts';
import { bitOf, pointOf, type Subject } from './subject.ts';
import { witness } from './witness.ts';

const SLASH = 0x2f;

/** The leaf that a subject comes to. */
export function leafFor(space: PacketSpace, diagram: Diagram, subject: Subject): number {
  const { leafValue, variableOf, low, high } = space.diagrams;
  const point = pointOf(subject);
  let at = diagram;
  for (;;) {
    const value = leafValue(at);
    if (value !== undefined) return value;
    at = bitOf(space, point, variableOf(at)) ? high(at) : low(at);
  }
}

/** Immutable. Sets that meet must be of one space: operations throw `RangeError` for others. */
export class PacketSet {
  readonly space: PacketSpace;
  readonly diagram: Diagram;

  constructor(space: PacketSpace, diagram: Diagram) {
    this.space = space;
    this.diagram = diagram;
  }

  static all(space: PacketSpace): PacketSet {
    return new PacketSet(space, TRUE);
  }

  static none(space: PacketSpace): PacketSet {
    return new PacketSet(space, FALSE);
  }

  /** Without later fragments, which have no ports, no flags and no type: what is left where packets are put together before rules see them. */
  static unfragmented(space: PacketSpace): PacketSet {
    return new PacketSet(space, space.not(space.flag('fragment')));
  }

  /** ICMPv6 in IPv4 packets, and the other way round: nobody sends it, and no host answers it. */
  static strayIcmp(space: PacketSpace): PacketSet {
    const stray = (family: 4 | 6, protocol: number) =>
      space.and(space.family(family), space.equals('protocol', protocol));
    return new PacketSet(space, space.or(stray(4, Protocol.ICMPV6), stray(6, Protocol.ICMP)));
  }

  /** On devices whose names the kernel allows: none has a slash (dev_valid_name). */
  static onDevices(space: PacketSpace): PacketSet {
    return new PacketSet(space, space.not(space.or(space.hasByte('iif', SLASH), space.hasByte('oif', SLASH))));
  }

  #with(other: PacketSet, join: (a: Diagram, b: Diagram) => Diagram): PacketSet {
    if (other.space !== this.space) throw new RangeError('the sets are of two spaces');
    return new PacketSet(this.space, join(this.diagram, other.diagram));
  }

  union(other: PacketSet): PacketSet {
    return this.#with(other, (a, b) => this.space.or(a, b));
  }

  intersection(other: PacketSet): PacketSet {
    return this.#with(other, (a, b) => this.space.and(a, b));
  }

  difference(other: PacketSet): PacketSet {
    return this.#with(other, (a, b) => this.space.without(a, b));
  }

  complement(): PacketSet {
    return new PacketSet(this.space, this.space.not(this.diagram));
  }

  get isEmpty(): boolean {
    return this.diagram === FALSE;
  }

  /** The same packets. One comparison: equal sets are the same diagram. */
  equals(other: PacketSet): boolean {
    return this.space === other.space && this.diagram === other.diagram;
  }

  isSubsetOf(other: PacketSet): boolean {
    return this.difference(other).isEmpty;
  }

  has(subject: Subject): boolean {
    return leafFor(this.space, this.diagram, subject) === 1;
  }

  /** One packet of it, as plain as can be; undefined where there is none. */
  witness(): Subject | undefined {
    return witness(this.space, this.diagram);
  }

  /** How many nodes its diagram has. */
  get size(): number {
    return this.space.diagrams.sizeOf(this.diagram);
  }
}
