/**
 * Which tests of a rule are implied by what comes later, so that the listing leaves them out: `meta l4proto tcp tcp dport 22` is
 * `tcp dport 22` (nftables' payload_dependency_kill and its kin).
 */
import type { NftFamily } from '../syntax.ts';
import { icmpTypeFor, nextHeader } from '../tables/headers.ts';
import { keyName, keySelects, selects } from './protocols.ts';
import type { Match } from './step.ts';
import type { Payload, Read, Term } from './term.ts';

/** Layer that a stored test tells of; `inner`: what follows the transport header. */
type Layer = 'll' | 'nh' | 'th' | 'inner';

const ABOVE: Readonly<Record<string, Layer>> = { ll: 'nh', nh: 'th', th: 'inner' };
const MIXED: ReadonlySet<NftFamily> = new Set(['bridge', 'netdev', 'inet']);

export class Implied {
  private readonly family: NftFamily;
  private stored: Partial<Record<Layer, Match>> = {};
  private icmpType = 0;
  /** Tests to leave out. */
  readonly gone = new Set<Match>();

  constructor(family: NftFamily) {
    this.family = family;
  }

  /** A statement with an effect was passed: what stands before it is not implied by what stands behind. */
  reset(): void {
    this.stored = {};
    this.icmpType = 0;
  }

  private get(layer: Layer): Match | undefined {
    return this.stored[layer] ?? (layer === 'th' ? this.stored.inner : undefined);
  }

  /** Leaves out the stored test of a layer. */
  release(layer: Layer): void {
    const key = this.stored[layer] ? layer : layer === 'th' ? 'inner' : layer;
    const test = this.stored[key];
    if (!test) return;
    this.gone.add(test);
    delete this.stored[key];
  }

  /** A field is read: the test of its layer goes, where the field says as much. `expanded`: it is compared with one value. */
  useField(field: Payload, expanded: boolean): void {
    if (!field.header || field.base === 'ih') return;
    const test = this.get(field.base);
    if (test && this.mayGo(test, field, expanded)) this.release(field.base);
  }

  useRead(term: Read): void {
    const { what } = term;
    if (typeof what !== 'object' || Array.isArray(what)) return;
    if ('tcp option' in what) this.release('th');
    else if ('exthdr' in what || 'ip option' in what) this.release('nh');
  }

  private mayGo(test: Match, field: Payload, expanded: boolean): boolean {
    const left = test.left.is === 'payload' ? test.left : undefined;
    if (MIXED.has(this.family) && left) {
      const network = left.base === 'nh' && (left.header?.name === 'ip' || left.header?.name === 'ip6');
      if (network && field.base === 'th') return false;
      if (test.op === '==' && field.base === left.base) {
        if (expanded && selects(field)) return false;
        if (field.base === 'll') return impliedByLink(test, left);
      }
    }
    if (field.base !== 'th' || left?.base !== 'th') return true;
    const name = left.header?.name;
    if (name !== 'icmp' && name !== 'icmpv6') return true;
    const need = field.field?.icmp;
    if (need === undefined || field.header !== left.header || !field.header) return false;
    return icmpTypeFor(field.header, need) === this.icmpType;
  }

  /** A test was listed; `learned`: it is an equality with one value. */
  pass(test: Match, learned: boolean): void {
    if (!learned) return;
    if (test.left.is === 'payload') this.passField(test, test.left);
    else if (test.left.is === 'read') this.passKey(test, test.left);
  }

  private passField(test: Match, left: Payload): void {
    if (test.op !== '==' || !selects(left)) return;
    if (this.storeIcmp(test.right, left)) return;
    const next =
      left.header && test.right.is === 'value' ? nextHeader(left.header, Number(test.right.value)) : undefined;
    const stacked = next?.base === left.base;
    const layer = stacked ? (left.base as Layer) : ABOVE[left.base];
    if (layer !== undefined) this.stored[layer] = test;
  }

  /** Types of ICMP are remembered; an echo is never left out. */
  private storeIcmp(right: Term, left: Payload): boolean {
    if (right.is !== 'value') return false;
    const type = Number(right.value);
    if (left.header?.name === 'icmp') {
      this.icmpType = type === 0 ? 8 : type;
      return this.icmpType === 8;
    }
    if (left.header?.name !== 'icmpv6') return false;
    this.icmpType = type;
    return type === 128 || type === 129;
  }

  private passKey(test: Match, left: Read): void {
    const base = baseOf(left);
    if (base === undefined) return;
    if (this.get(base) && this.keyImplies(test, left)) this.release(base);
    if (keySelects(left)) {
      const layer = keyName(left) === 'meta iiftype' ? 'll' : ABOVE[base];
      if (layer !== undefined) this.stored[layer] = test;
    }
  }

  /** Does a test of `meta` or `ct` make the one of the network header needless? */
  private keyImplies(test: Match, left: Read): boolean {
    const before = this.stored.nh;
    if (!before) return true;
    const network = familyOf(before);
    if (network === undefined) return true;
    if (this.family === 'ip' || this.family === 'ip6') return this.family === network;
    if (!MIXED.has(this.family)) return true;
    if (keyName(left) !== 'meta l4proto' || test.right.is !== 'value') return true;
    const protocol = Number(test.right.value);
    if (protocol !== 1 && protocol !== 58) return false;
    return !((network === 'ip' && protocol === 58) || (network === 'ip6' && protocol === 1));
  }
}

/** Which network header a stored test asks for; undefined where it asks for something else. */
function familyOf(test: Match): 'ip' | 'ip6' | 'other' | undefined {
  if (test.right.is !== 'value') return 'other';
  const name = keyName(test.left);
  const number = Number(test.right.value);
  if (name === 'meta nfproto') return number === 2 ? 'ip' : number === 10 ? 'ip6' : 'other';
  const link = test.left.is === 'payload' && test.left.base === 'll' && test.left.type.name === 'ether_type';
  if (name !== 'meta protocol' && !link) return undefined;
  return number === 0x0800 ? 'ip' : number === 0x86dd ? 'ip6' : 'other';
}

/** `vlan id` says that there is a VLAN tag of the usual kind, no more. */
function impliedByLink(test: Match, left: Payload): boolean {
  if (left.header?.name === 'vlan') return false;
  if (left.header?.name === 'ether' && test.right.is === 'value' && test.right.bits === 16)
    return test.right.value === 0x8100n;
  return true;
}

function baseOf(left: Read): Layer | undefined {
  switch (keyName(left)) {
    case 'meta nfproto':
    case 'meta protocol':
    case 'meta iiftype':
    case 'ct l3proto':
      return 'll';
    case 'meta l4proto':
    case 'ct protocol':
    case 'ct saddr':
    case 'ct daddr':
      return 'nh';
    default:
      return undefined;
  }
}
