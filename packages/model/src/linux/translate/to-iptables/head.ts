/** A rule of iptables while its tests are put together: words for its command line, and what they take for granted. */
import type { IpFamily } from '../../iptables/index.ts';
import { NotTranslated } from '../part.ts';

/** One test. */
export interface Piece {
  words: string[];
  /** `-p` must say so. */
  protocol?: number;
  /** `-p` must say a protocol with ports. */
  ports?: true;
  /** An option that stands once in a rule. */
  once?: 's' | 'd' | 'i' | 'o' | 'p';
  /** What the rule may not change before another rule asks the same. */
  reads?: Reads;
}

export type Reads = 'mark' | 'ct mark' | 'header' | 'state';

/** Tests that must all hold. */
export type Alternative = readonly Piece[];

export interface Head {
  words: readonly string[];
  protocol: number | undefined;
  once: ReadonlySet<string>;
  reads: ReadonlySet<Reads>;
}

export const EMPTY: Head = { words: [], protocol: undefined, once: new Set(), reads: new Set() };

/** Throws `NotTranslated` saying that iptables lacks it. */
export function lacks(part: string, why = 'iptables has no words for it'): never {
  throw new NotTranslated(part, why);
}

/** TCP, UDP, DCCP, SCTP, UDP-Lite: xt_multiport.c. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** The head with one more test; undefined where the two contradict each other. */
function withPiece(head: Head, { words, protocol, ports, once, reads }: Piece): Head | undefined {
  if (ports && !WITH_PORTS.has(head.protocol ?? 0)) lacks(words.join(' '), 'iptables asks for ports of one protocol');
  if (protocol !== undefined && head.protocol !== undefined && head.protocol !== protocol) return undefined;
  if (once === 'p' && protocol !== undefined && head.protocol === protocol) return head;
  if (once !== undefined && head.once.has(once)) lacks(words.join(' '), `iptables takes -${once} but once`);
  // A protocol that was ruled out before is not asked for now.
  if (protocol !== undefined && head.protocol === undefined && head.once.has('p'))
    lacks(words.join(' '), 'iptables takes -p but once');
  const asked = protocol !== undefined && head.protocol === undefined && once !== 'p' ? ['-p', String(protocol)] : [];
  const used = [...(once === undefined ? [] : [once]), ...(protocol === undefined ? [] : ['p'])];
  return {
    words: [...head.words, ...asked, ...words],
    protocol: protocol ?? head.protocol,
    once: used.length === 0 ? head.once : new Set([...head.once, ...used]),
    reads: reads === undefined ? head.reads : new Set([...head.reads, reads]),
  };
}

export function withAlternative(head: Head, pieces: Alternative): Head | undefined {
  let made: Head | undefined = head;
  for (const piece of pieces) made = made && withPiece(made, piece);
  return made;
}

/** Rules that one rule of nftables may become. */
const RULES_MAX = 1024;

/** Each head with each alternative. Throws `NotTranslated` where these are too many. */
export function product(heads: readonly Head[], alternatives: readonly Alternative[]): Head[] {
  if (heads.length * alternatives.length > RULES_MAX)
    lacks(`a set of ${alternatives.length} elements`, `more than ${RULES_MAX} rules would stand for one`);
  return heads.flatMap((head) => alternatives.flatMap((one) => withAlternative(head, one) ?? []));
}

/** What a rule is translated for. */
export interface Context {
  family: IpFamily;
  /** Elements of a named set or map; undefined where nobody knows what it holds when a packet comes. */
  elementsOf(name: string): readonly unknown[] | undefined;
}
