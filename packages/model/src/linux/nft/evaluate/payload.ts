/**
 * Tests that a field of a header needs before it can be read: that the header is there at all (nftables' payload dependencies). Without
 * them `tcp dport 22` would look into any packet.
 */
import { NftRefusal } from '../base/refusal.ts';
import { fieldNamed, type Header, headerNamed, icmpTypeFor, numberOf } from '../tables/headers.ts';
import { metaKeys } from '../tables/keys.ts';
import type { Protocols } from './protocols.ts';
import type { Match } from './step.ts';
import type { Payload, Read, Term } from './term.ts';

const LAYERS = ['ll', 'nh', 'th', 'ih'] as const;
const NAMES: Readonly<Record<string, string>> = { ll: 'link layer', nh: 'network layer', th: 'transport layer' };

function conflict(known: Header, wanted: Header): NftRefusal {
  return new NftRefusal(`conflicting protocols specified: ${known.name} vs. ${wanted.name}`);
}

/** `meta KEY`. */
function metaTerm(key: string): Read {
  const known = metaKeys[key];
  if (!known) throw new NftRefusal(`unknown meta key "${key}"`);
  return { is: 'read', what: { meta: { key } }, type: known.type, bits: known.bits, key: known };
}

function fieldTerm(header: Header, name: string): Payload {
  const field = fieldNamed(header, name);
  if (!field) throw new NftRefusal(`unknown field "${name}" of ${header.name}`);
  return { is: 'payload', base: header.base, offset: field.offset, bits: field.bits, type: field.type, header, field };
}

function equals(left: Payload | Read, value: number): Match {
  return {
    is: 'match',
    op: '==',
    left,
    right: { is: 'value', value: BigInt(value), type: left.type, bits: left.bits },
  };
}

/** Adds tests before the statement in work; each is told to `known` and handed to `add`. */
export class Dependencies {
  private readonly known: Protocols;
  private readonly add: (step: Match) => void;

  constructor(known: Protocols, add: (step: Match) => void) {
    this.known = known;
    this.add = add;
  }

  private insert(step: Match): void {
    this.known.learn(step.left, step.right);
    this.add(step);
  }

  private deviceType(wanted: Header): void {
    const ether = headerNamed('ether');
    if (wanted !== ether && numberOf(ether, wanted) === undefined)
      throw new NftRefusal('protocol specification is invalid for this family');
    this.insert(equals(metaTerm('iiftype'), 1));
  }

  /** The test that `upper` follows `lower`. */
  private announce(lower: Header, upper: Header): void {
    const number = numberOf(lower, upper);
    if (number === undefined || !lower.selector) throw conflict(lower, upper);
    const left = 'meta' in lower.selector ? metaTerm(lower.selector.meta) : fieldTerm(lower, lower.selector.field);
    if (left.is === 'payload' && lower.base === 'll') left.offset += this.known.stackedBits;
    this.insert(equals(left, number));
  }

  /** Where the lower layer is not known, what stands for it; adds what ICMP says of the network header. */
  private stand(wanted: Header): Header | undefined {
    if (wanted.base !== 'th') return undefined;
    if (wanted.name !== 'icmp' && wanted.name !== 'igmp' && wanted.name !== 'icmpv6')
      return headerNamed('inet-service');
    const lower = this.known.layers.ll;
    if (!lower) return undefined;
    const network = headerNamed(wanted.name === 'icmpv6' ? 'ip6' : 'ip');
    this.announce(lower, network);
    return network;
  }

  /** Adds the test that the header of a layer not known yet is there. */
  require(wanted: Header): void {
    const at = LAYERS.indexOf(wanted.base);
    const hook = LAYERS.indexOf(this.known.hookBase);
    if (at < hook) {
      if (at < hook - 1) throw new NftRefusal('payload base is invalid for this family');
      this.deviceType(wanted);
      return;
    }
    const below = LAYERS[at - 1];
    const lower = (below === undefined ? undefined : this.known.layers[below]) ?? this.stand(wanted);
    if (!lower)
      throw new NftRefusal(`ambiguous payload specification: no ${NAMES[below ?? ''] ?? 'lower'} protocol specified`);
    const network = wanted.name === 'ip' || wanted.name === 'ip6';
    // skb->protocol also tells what is inside a VLAN tag.
    const said = this.known.family === 'bridge' && lower.name === 'ether' && network ? headerNamed('netdev') : lower;
    this.announce(said, wanted);
  }

  /** As `require`, for the header below `wanted` when it is said. */
  requireFrom(lower: Header, wanted: Header): void {
    this.announce(lower, wanted);
  }

  /** Adds all that a field needs, and shifts it behind the link layer headers passed. */
  prepare(payload: Payload): void {
    const { header, field } = payload;
    if (payload.raw === true || !header || !field) return;
    const known = this.known.layers[payload.base];
    if (!known) {
      this.require(header);
      const now = this.known.layers[payload.base];
      if (now === header) {
        this.icmp(header, payload);
        return;
      }
      if (payload.base === 'll' && now) {
        this.stack(now, header);
        payload.offset += this.known.stacked[0]?.length ?? 0;
        return;
      }
      throw now ? conflict(now, header) : new NftRefusal('payload base is invalid for this family');
    }
    if (this.known.transports.length > 1 && payload.base === 'th') {
      const other = this.known.transports.find((entry) => entry !== header);
      throw conflict(other ?? known, header);
    }
    if (known === header) {
      if (header.base === 'll') payload.offset += this.known.stackedBits;
      this.icmp(header, payload);
      return;
    }
    if (this.resolve(known, header, payload)) return;
    if (this.known.layers[payload.base] === header) return;
    throw conflict(this.known.layers[payload.base] ?? known, header);
  }

  /** `ether type vlan` where a VLAN header is asked for. */
  private stack(lower: Header, upper: Header): void {
    const number = numberOf(lower, upper);
    if (number === undefined) throw conflict(lower, upper);
    this.announceNumber(number);
  }

  private announceNumber(number: number): void {
    const lower = this.known.layers.ll;
    if (!lower?.selector || !('field' in lower.selector)) throw new NftRefusal('dependency statement is invalid');
    const left = fieldTerm(lower, lower.selector.field);
    left.offset += this.known.stackedBits;
    this.insert(equals(left, number));
  }

  /** Another header of the same layer is known: may both be there? */
  private resolve(known: Header, header: Header, payload: Payload): boolean {
    let lower = known;
    if (payload.base === 'll') {
      if (known.fields.length === 0) {
        this.deviceType(header);
        lower = header;
      } else if (this.known.stacked.includes(header)) return true;
    }
    const above = LAYERS[LAYERS.indexOf(payload.base) + 1];
    if (above !== undefined && this.known.layers[above]) return false;
    const number = numberOf(lower, header);
    if (number === undefined || payload.base !== 'll') return false;
    this.announceNumber(number);
    payload.offset += this.known.stackedBits;
    return true;
  }

  /** Fields that only some types of ICMP have. */
  private icmp(header: Header, payload: Payload): void {
    const need = payload.field?.icmp;
    if (need === undefined) return;
    const type = icmpTypeFor(header, need);
    const tested = this.known.icmpType;
    if (tested === type) return;
    if (tested !== 0) throw new NftRefusal(`incompatible icmp match: rule has ${tested}, need ${type}`);
    this.known.icmpType = type;
    const left = fieldTerm(header, 'type');
    if (need !== 'echo') {
      this.add(equals(left, type));
      return;
    }
    const reply = header.name === 'icmp' ? 0 : 129;
    const element = (value: number): { key: Term } => ({
      key: { is: 'value', value: BigInt(value), type: left.type, bits: left.bits },
    });
    const both = header.name === 'icmp' ? [element(reply), element(type)] : [element(type), element(reply)];
    this.add({ is: 'match', op: '==', left, right: { is: 'set', elements: both, interval: false } });
  }
}
