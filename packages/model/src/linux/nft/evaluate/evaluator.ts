/** Expressions in the place where they stand in a rule: what they need is tested before, constants take the type of what they meet. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftElement, NftExpression } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { headerNamed } from '../tables/headers.ts';
import { ctKeys, metaKeys } from '../tables/keys.ts';
import { binaryOf, type DataShape, resolveConstant, resolveElements } from './constant.ts';
import { mergeSet, refuseOverlap, uniqueKeys } from './interval.ts';
import { resolveRead } from './left.ts';
import { Dependencies } from './payload.ts';
import { Protocols } from './protocols.ts';
import { requireSet, type TableScope } from './scope.ts';
import type { Step } from './step.ts';
import {
  comparable,
  isConstant,
  type MapTerm,
  type Part,
  type Read,
  type Shape,
  shapeName,
  shapeOf,
  type Term,
} from './term.ts';

export class Evaluator {
  readonly scope: TableScope;
  readonly known: Protocols;
  readonly steps: Step[] = [];
  readonly needs: Dependencies;

  constructor(scope: TableScope) {
    this.scope = scope;
    this.known = new Protocols(scope.family);
    this.needs = new Dependencies(this.known, (step) => this.steps.push(step));
  }

  /** What is read from the packet. Throws `NftRefusal` for constants. */
  left(node: NftExpression): Term {
    const term = this.read(node);
    if (!term) throw new NftRefusal('Relational expression has constant value');
    return term;
  }

  private read(node: NftExpression): Term | undefined {
    if (typeof node !== 'object' || Array.isArray(node)) return undefined;
    if ('concat' in node) return { is: 'concat', parts: node.concat.map((part) => this.concatPart(part)) };
    if ('map' in node) return this.map(node.map, undefined);
    const binary = binaryOf(node);
    if (binary) {
      const left = this.read(binary.left);
      return left && this.binary(binary.operator, left, binary.right);
    }
    const term = resolveRead(node, (inner) => this.left(inner));
    if (term) this.prepare(term);
    return term;
  }

  private concatPart(node: NftExpression): Term {
    const term = this.left(node);
    if (isFamilyless(term)) throw new NftRefusal('specify either ip or ip6 for address matching');
    if ((term.is === 'read' || term.is === 'payload') && (term.type === types.string || term.type === types.bitmask))
      throw new NftRefusal(`can not use variable sized data types (${term.type.name}) in concat expressions`);
    return term;
  }

  private binary(operator: '&' | '|' | '^' | '<<' | '>>', left: Term, node: NftExpression): Term {
    const [part, more] = shapeOf(left);
    if (!part || more || left.is === 'concat')
      throw new NftRefusal(`Binary operation (${operator}) is undefined for ${left.is} expressions`);
    if (part.type.codec === 'string')
      throw new NftRefusal(`Binary operation (${operator}) is undefined for ${part.type.name} types`);
    const shift = operator === '<<' || operator === '>>';
    const right = resolveConstant(node, [shift ? { type: types.integer, bits: 32 } : part], this.scope);
    if (right.is !== 'value')
      throw new NftRefusal(`Right hand side of binary operation (${operator}) must be constant`);
    if (shift && right.value >= BigInt(part.bits))
      throw new NftRefusal(
        `${operator === '<<' ? 'Left' : 'Right'} shift of ${right.value} bits is undefined for type of ${part.bits} bits width`,
      );
    return { is: 'binary', operator, left, right, type: part.type, bits: part.bits };
  }

  private prepare(term: Term): void {
    if (term.is === 'payload') this.needs.prepare(term);
    else if (term.is === 'read') this.prepareRead(term);
  }

  private prepareRead(term: Read): void {
    const { what } = term;
    if (typeof what !== 'object' || Array.isArray(what)) return;
    const network = this.known.layers.nh?.name;
    if ('exthdr' in what || 'ip option' in what) {
      const wanted = headerNamed('exthdr' in what ? 'ip6' : 'ip');
      if (network === wanted.name) return;
      if (network !== undefined) throw new NftRefusal(`cannot use exthdr with ${network}`);
      if (!this.known.layers.ll) throw new NftRefusal('Cannot generate dependency: no link layer protocol specified');
      // Stands at the rule's very start: no statement may see packets of another family.
      const before = this.steps.length;
      this.needs.requireFrom(this.known.layers.ll, wanted);
      this.steps.unshift(...this.steps.splice(before));
    } else if ('tcp option' in what && 'base' in what['tcp option']) {
      const { offset, len } = what['tcp option'];
      if (offset + len > 320) throw new NftRefusal(`offset and size ${offset + len} exceeds max tcp headerlen (320)`);
    } else if ('rt' in what && what.rt.key === 'nexthop') this.routeFamily(term, what.rt.family, network);
    else if ('ct' in what) {
      this.ctFamily(term, what.ct.key, network);
      // nft leaves out tests that another implies, even where they have to come first.
      if (what.ct.key.startsWith('proto-') && !this.known.layers.th && this.scope.present !== true)
        throw new NftRefusal(`ct ${what.ct.key}: no transport layer protocol specified`);
    } else if ('ipsec' in what && !['ip', 'ip6', 'inet'].includes(this.known.family))
      throw new NftRefusal('ipsec expression is only valid in ip/ip6/inet tables');
    else if ('fib' in what && ['arp', 'bridge'].includes(this.known.family))
      throw new NftRefusal('fib: Operation not supported');
    else if ('meta' in what) this.metaFamily(what.meta.key);
  }

  private metaFamily(key: string): void {
    if (key === 'nfproto' && this.known.family !== 'inet')
      throw new NftRefusal('meta nfproto is only useful in the inet family');
    if (/^[io]br/.test(key) && this.known.family !== 'bridge')
      throw new NftRefusal('Could not process rule: Operation not supported');
  }

  private routeFamily(term: Read, said: 'ip' | 'ip6' | undefined, network: string | undefined): void {
    const family = said ?? (network === 'ip' || network === 'ip6' ? network : undefined);
    if (family === undefined)
      throw new NftRefusal('cannot determine ip protocol version, use "ip nexthop" or "ip6 nexthop" instead');
    if ((family === 'ip' && this.known.family === 'ip6') || (family === 'ip6' && this.known.family === 'ip'))
      throw new NftRefusal(`${family} nexthop will not match`);
    const type = family === 'ip' ? types.ipv4 : types.ipv6;
    Object.assign(term, { what: { rt: { key: 'nexthop', family } }, type, bits: type.bits });
  }

  private ctFamily(term: Read, key: string, network: string | undefined): void {
    if ((key.startsWith('ip ') && network === 'ip6') || (key.startsWith('ip6 ') && network === 'ip'))
      throw new NftRefusal(`conflicting protocols specified: ${network} vs. ${network === 'ip' ? 'ip6' : 'ip'}`);
    if ((key !== 'saddr' && key !== 'daddr') || term.is !== 'read') return;
    if (network !== 'ip' && network !== 'ip6')
      throw new NftRefusal(`cannot determine ip protocol version, use "ip ${key}" or "ip6 ${key}" instead`);
    const type = network === 'ip' ? types.ipv4 : types.ipv6;
    const dir = typeof term.what === 'object' && 'ct' in term.what ? term.what.ct.dir : undefined;
    const what = { ct: { key, family: network, ...(dir === undefined ? {} : { dir }) } };
    Object.assign(term, { what, type, bits: type.bits });
  }

  /** A constant for what `shape` says. A set of one simple value is that value; in others ranges are joined. */
  right(node: NftExpression, shape: Shape): Term {
    const term = resolveConstant(node, shape, this.scope);
    if (term.is !== 'set') return term;
    const [only] = term.elements;
    const alone = this.scope.present !== true && only && term.elements.length === 1 && only.options === undefined;
    return alone && ['value', 'range', 'prefix', 'text'].includes(only.key.is) ? only.key : mergeSet(term);
  }

  /** A map that gives values of `data`; without it any values, of the map that is named. */
  map(node: { key: NftExpression; data: NftExpression }, data: DataShape | undefined, object?: string): MapTerm {
    const key = this.left(node.key);
    if (isFamilyless(key)) throw new NftRefusal('specify either ip or ip6 for address matching');
    if (isConstant(key)) throw new NftRefusal('Map expression can not be constant');
    const shape = shapeOf(key);
    const result: Part =
      data && data.shape !== 'verdict' && data.shape[0] ? data.shape[0] : { type: types.verdict, bits: 0 };
    if (typeof node.data === 'string') {
      const set = requireSet(this.scope, node.data);
      if (!comparable(shape, set.key))
        throw new NftRefusal(
          `datatype mismatch, map expects ${shapeName(set.key)}, mapping expression has type ${shapeName(shape)}`,
        );
      if (object === undefined ? set.data === undefined : set.object !== object)
        throw new NftRefusal('Expression is not a map');
      const part = set.data !== 'verdict' && set.data?.[0] ? set.data[0] : result;
      return { is: 'map', key, data: { is: 'named', name: set.name, key: set.key }, type: part.type, bits: part.bits };
    }
    const elements = elementsOf(node.data);
    if (!data) throw new NftRefusal('map without a type for its values');
    const set = resolveElements(elements, shape, this.scope, data);
    set.elements = uniqueKeys(set.elements);
    refuseOverlap(set.elements);
    return { is: 'map', key, data: set, type: result.type, bits: result.bits };
  }

  /** A value that a statement uses: constant, read from the packet, or mapped. */
  value(node: NftExpression, part: Part): Term {
    if (typeof node === 'object' && !Array.isArray(node)) {
      if ('set' in node) throw new NftRefusal('you cannot use a set here, unknown value to use');
      if ('map' in node) return this.map(node.map, { shape: [part] });
      const read = this.readValue(node, part);
      if (read) return read;
    }
    if (typeof node === 'string' && node.startsWith('@'))
      throw new NftRefusal('you cannot reference a set here, unknown value to use');
    return resolveConstant(node, [part], this.scope);
  }

  private readValue(node: NftExpression, part: Part): Term | undefined {
    const binary = binaryOf(node);
    if (binary) {
      const left = this.readValue(binary.left, part);
      if (!left) return undefined;
      return this.binary(binary.operator, left, binary.right);
    }
    const term = this.read(node);
    if (!term) return undefined;
    const [own] = shapeOf(term);
    if (!own) return term;
    const plain = own.type.name === 'integer';
    const flexible = plain && (term.is === 'hash' || isGenerated(term));
    if (plain && term.is === 'payload' && own.bits !== part.bits && part.bits > 0)
      throw new NftRefusal(
        `datatype mismatch: expected ${part.type.name}, expression has type integer with length ${own.bits}`,
      );
    if (!plain && own.type.name !== part.type.name)
      throw new NftRefusal(`datatype mismatch: expected ${part.type.name}, expression has type ${own.type.name}`);
    if (flexible && part.bits === 32) Object.assign(term, { type: part.type });
    return term;
  }

  /** Throws where the named set holds values of another type. */
  checkSet(name: string, shape: Shape): void {
    const set = requireSet(this.scope, name);
    if (!comparable(shape, set.key))
      throw new NftRefusal(
        `datatype mismatch, expected ${shapeName(shape)}, expression has type ${shapeName(set.key)}`,
      );
  }

  /** Adds the statement in work behind the tests that it needs. */
  push(step: Step): void {
    this.steps.push(step);
  }

  /** Puts tests before everything else (rejects do, so that nothing is logged that is not rejected). */
  first(add: () => void): void {
    const before = this.steps.length;
    add();
    this.steps.unshift(...this.steps.splice(before));
  }
}

/** `ct saddr` without a family: which one is only known from the packet. */
export function isFamilyless(term: Term): boolean {
  if (term.is !== 'read' || typeof term.what !== 'object' || Array.isArray(term.what) || !('ct' in term.what))
    return false;
  return term.what.ct.key === 'saddr' || term.what.ct.key === 'daddr';
}

function isGenerated(term: Term): boolean {
  return term.is === 'read' && typeof term.what === 'object' && ('numgen' in term.what || 'symhash' in term.what);
}

export function elementsOf(node: NftExpression): NftElement[] {
  if (typeof node !== 'object' || Array.isArray(node) || !('set' in node))
    throw new NftRefusal('invalid mapping expression');
  return Array.isArray(node.set) ? (node.set as NftElement[]) : [node.set];
}

/** May the key be written by `meta … set` or `ct … set`? */
export function writable(kind: 'meta' | 'ct', key: string): Part | undefined {
  const known = kind === 'meta' ? metaKeys[key] : ctKeys[key];
  if (!known) return undefined;
  const settable =
    kind === 'ct'
      ? ctKeys[key]?.settable === true
      : ['mark', 'priority', 'nftrace', 'pkttype', 'secmark', 'broute'].includes(key);
  return settable ? { type: known.type, bits: known.bits } : undefined;
}
