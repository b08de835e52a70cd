/**
 * Which header is known to stand at which layer, as the tests of a rule tell (nftables' proto_ctx). Evaluation uses it to add the tests that a
 * field needs, listing to name the field of a place.
 */
import type { NftFamily, NftPayloadBase } from '../syntax.ts';
import { type Header, headerNamed, nextHeader } from '../tables/headers.ts';
import type { Payload, Read, Term, Value } from './term.ts';

/** Something that no table knows follows. */
const UNKNOWN: Header = { name: 'unknown', base: 'ih', fields: [], next: [] };

const HOOK: Readonly<Record<NftFamily, { base: 'll' | 'nh'; header: string }>> = {
  bridge: { base: 'll', header: 'ether' },
  netdev: { base: 'll', header: 'netdev' },
  inet: { base: 'll', header: 'inet' },
  ip: { base: 'nh', header: 'ip' },
  ip6: { base: 'nh', header: 'ip6' },
  arp: { base: 'nh', header: 'arp' },
};

export class Protocols {
  readonly family: NftFamily;
  readonly hookBase: 'll' | 'nh';
  readonly hookHeader: Header;
  readonly layers: Partial<Record<NftPayloadBase, Header>> = {};
  /** Link layer headers passed, outermost first. */
  readonly stacked: Header[] = [];
  /** Every transport header that a set of protocols allows. */
  readonly transports: Header[] = [];
  /** Type of ICMP that was tested; 0: none yet (an echo reply counts as a request). */
  icmpType = 0;

  constructor(family: NftFamily) {
    this.family = family;
    this.hookBase = HOOK[family].base;
    this.hookHeader = headerNamed(HOOK[family].header);
    this.layers[this.hookBase] = this.hookHeader;
  }

  /** Bits of the link layer headers passed. */
  get stackedBits(): number {
    return this.stacked.reduce((sum, header) => sum + (header.length ?? 0), 0);
  }

  private set(base: NftPayloadBase, header: Header): void {
    if (base === 'th' && !this.transports.includes(header)) this.transports.push(header);
    this.layers[base] = header;
  }

  /** Notes what an equality says of the headers. `right` of a set: its single values, one after the other. */
  learn(left: Term, right: Term): void {
    if (right.is === 'set') {
      for (const element of right.elements) if (element.key.is === 'value') this.learn(left, element.key);
      return;
    }
    if (right.is !== 'value') return;
    if (left.is === 'payload') this.learnField(left, right);
    else if (left.is === 'read') this.learnKey(left, right);
  }

  private learnField(left: Payload, right: Value): void {
    if (!selects(left)) return;
    const base = this.layers[left.base];
    if (!base) return;
    const number = Number(right.value);
    const next = nextHeader(base, number);
    if (!next) {
      if (base.name === 'icmp') this.icmpType = number === 0 ? 8 : number;
      else if (base.name === 'icmpv6') this.icmpType = number === 129 ? 128 : number;
      return;
    }
    if (next.base === base.base && next.base === 'll' && left.raw !== true) this.stacked.push(base);
    this.set(next.base, next);
  }

  private learnKey(left: Read, right: Value): void {
    const number = Number(right.value);
    const name = keyName(left);
    if (name === 'meta iiftype') {
      if (this.hookBase === 'll' && this.family !== 'inet' && this.family !== 'netdev') return;
      this.set('ll', number === 1 ? headerNamed('ether') : UNKNOWN);
    } else if (name === 'meta nfproto') {
      const own = this.family === 'ip' ? 2 : this.family === 'ip6' ? 10 : -1;
      this.set(
        'nh',
        nextHeader(this.hookHeader, number) && this.family === 'inet'
          ? (nextHeader(this.hookHeader, number) as Header)
          : number === own
            ? this.hookHeader
            : UNKNOWN,
      );
    } else if (name === 'meta l4proto') {
      this.set('th', nextHeader(headerNamed('inet-service'), number) ?? UNKNOWN);
    } else if (name === 'meta protocol') {
      if (this.family !== 'netdev' && this.family !== 'bridge') return;
      const next = nextHeader(this.hookHeader, number);
      this.set('nh', next ?? UNKNOWN);
    } else if (name === 'ct l3proto') {
      const next = this.layers.ll && nextHeader(this.layers.ll, number);
      if (next) this.set('nh', next);
    } else if (name === 'ct protocol') {
      const next = this.layers.nh && nextHeader(this.layers.nh, number);
      if (next) this.set('th', next);
    }
  }
}

/** `meta l4proto`, `ct protocol`: the key without direction; empty for others. */
export function keyName(term: Term): string {
  if (term.is !== 'read' || typeof term.what !== 'object' || Array.isArray(term.what)) return '';
  if ('meta' in term.what) return `meta ${term.what.meta.key}`;
  return 'ct' in term.what ? `ct ${term.what.ct.key}` : '';
}

/** Does the field say which header follows? */
export function selects(payload: Payload): boolean {
  const name = payload.field?.name;
  const header = payload.header;
  if (!header || name === undefined) return false;
  if (header.name === 'ip') return name === 'protocol';
  if (header.name === 'ip6') return name === 'nexthdr';
  return header.selector !== undefined && 'field' in header.selector && header.selector.field === name;
}

/** Keys that say which header follows. */
export function keySelects(term: Term): boolean {
  return ['meta iiftype', 'meta nfproto', 'meta l4proto', 'meta protocol', 'ct l3proto', 'ct protocol'].includes(
    keyName(term),
  );
}
