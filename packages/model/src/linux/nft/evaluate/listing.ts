/**
 * A rule as nft lists it: fields get the name that the tests before them give, tests that a later field implies are left out (nftables'
 * netlink_delinearize.c, postprocessing).
 */
import type { NftExpression, NftFamily, NftStatement } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { complete, foldChain } from './complete.ts';
import { termJson } from './emit.ts';
import { Implied } from './implied.ts';
import { mangleStatement } from './mangle.ts';
import { mergeSteps } from './merge.ts';
import { Protocols } from './protocols.ts';
import { PORT_UNREACHABLE } from './reject.ts';
import type { Action, Mangle, Match, Reject, Step, VerdictMap } from './step.ts';
import type { Term } from './term.ts';
import { expand, tidyMatch } from './tidy-match.ts';

export interface ListingOptions {
  /** The rule comes from a listing, so its tests are joined and in order already. */
  present?: boolean;
  numericProtocol?: boolean;
  utcOffset?: number;
}

const many = (value: bigint): boolean => (value & (value - 1n)) !== 0n;

/** `flags & mask == flags`, which is shown as `flags / mask`. */
function flagComparison({ op, left, right }: Match): boolean {
  if (left.is !== 'binary' || left.operator !== '&' || left.type.bitmask !== true) return false;
  if (left.right.is !== 'value' || right.is !== 'value' || (op !== '==' && op !== '!=')) return false;
  return many(left.right.value) || left.right.value !== right.value;
}

class Listing {
  private readonly known: Protocols;
  private readonly implied: Implied;
  private readonly options: ListingOptions;
  readonly out: { statement: NftStatement; step: Step }[] = [];
  private previous: Match | undefined;
  /** The field in work stands alone against one value. */
  private expanded = false;

  constructor(family: NftFamily, options: ListingOptions) {
    this.known = new Protocols(family);
    this.implied = new Implied(family);
    this.options = options;
  }

  /** Names the fields of a term and drops what they imply. */
  private name(term: Term): Term {
    switch (term.is) {
      case 'payload': {
        const done = complete(term, this.known);
        this.implied.useField(done, this.expanded);
        return done;
      }
      case 'concat':
        return { ...term, parts: term.parts.map((part) => this.name(part)) };
      case 'binary':
        return foldChain({ ...term, left: this.name(term.left) });
      case 'hash':
        return { ...term, of: this.name(term.of) };
      case 'map':
        return { ...term, key: this.name(term.key) };
      case 'read':
        this.implied.useRead(term);
        return term;
      default:
        return term;
    }
  }

  match(step: Match): void {
    for (const part of expand(this.named(step), this.known)) this.single(part);
  }

  private named(step: Match): Match {
    const left = step.left.is === 'payload' ? complete(step.left, this.known) : step.left;
    return { ...step, left };
  }

  private single(step: Match): void {
    this.noteIcmp(step);
    this.expanded = step.left.is === 'payload' && step.right.is === 'value' && (step.op === '==' || step.op === '!=');
    const tidy = tidyMatch({ ...step, left: this.name(step.left) }, this.known);
    this.expanded = false;
    const learns = (tidy.op === '==' || tidy.op === 'in') && tidy.right.is === 'value';
    if (learns) this.known.learn(tidy.left, tidy.right);
    if (tidy.left.is === 'payload' && step.left.is === 'binary') this.implied.useField(tidy.left, false);
    const whole = this.joinBounds(tidy);
    this.implied.pass(whole, learns);
    this.previous = whole;
    const left = termJson(whole.left, this.options, whole.right.is === 'value' && flagComparison(whole));
    this.out.push({ statement: { match: { op: whole.op, left, right: this.rightJson(whole) } }, step: whole });
  }

  /** Flags of a packet field that are compared as a whole stay a number. */
  private rightJson(step: Match): NftExpression {
    const { left, right, op } = step;
    if (
      right.is === 'value' &&
      left.is === 'payload' &&
      right.type.bitmask === true &&
      op !== 'in' &&
      op !== '!' &&
      many(right.value)
    )
      return Number(right.value);
    return termJson(right, this.options, op === 'in' || op === '!' || flagComparison(step));
  }

  /** `x >= 1` and then `x <= 5` are `x 1-5`. */
  private joinBounds(step: Match): Match {
    const before = this.previous;
    if (!before || step.right.is !== 'value' || before.right.is !== 'value' || this.out.at(-1)?.step !== before)
      return step;
    const inside = before.op === '>=' && step.op === '<=';
    const outside = before.op === '<' && step.op === '>';
    if (!inside && !outside) return step;
    if (JSON.stringify(termJson(before.left, {})) !== JSON.stringify(termJson(step.left, {}))) return step;
    this.out.pop();
    const { type, bits } = step.right;
    const range: Term = { is: 'range', from: before.right.value, to: step.right.value, type, bits };
    return { is: 'match', op: inside ? '==' : '!=', left: step.left, right: range };
  }

  /** A set of types of ICMP tells which fields follow, as a single type does. */
  private noteIcmp(step: Match): void {
    if (step.left.is !== 'payload' || step.left.field?.name !== 'type' || this.known.icmpType !== 0) return;
    const name = step.left.header?.name;
    if (name !== 'icmp' && name !== 'icmpv6') return;
    const first = step.right.is === 'set' ? step.right.elements[0]?.key : undefined;
    if (first?.is !== 'value') return;
    const type = Number(first.value);
    this.known.icmpType = name === 'icmp' ? (type === 0 ? 8 : type) : type === 129 ? 128 : type;
  }

  vmap(step: VerdictMap): void {
    const map = this.name(step.map);
    const json = termJson(map, this.options);
    if (typeof json === 'object' && !Array.isArray(json) && 'map' in json)
      this.out.push({ statement: { vmap: json.map }, step });
  }

  mangle(step: Mangle): void {
    const key = this.name(step.key);
    const value = this.name(step.value);
    this.out.push({ statement: mangleStatement(key, value, this.options), step });
    this.implied.reset();
  }

  action(step: Action): void {
    const terms = step.terms.map((term, index) => {
      if (step.resetAt !== undefined && index === step.resetAt) this.implied.reset();
      return termJson(this.name(term), this.options);
    });
    this.out.push({ statement: step.build(terms), step });
    this.implied.reset();
  }

  reject(step: Reject): void {
    if (step.type === 'tcp reset') {
      if (this.known.family === 'ip' || this.known.family === 'ip6') this.implied.release('th');
      else this.implied.release('nh');
      this.out.push({ statement: { reject: { type: 'tcp reset' } }, step });
    } else {
      if (step.type !== 'icmpx' && this.known.hookBase === 'll') this.implied.release('nh');
      const type = { icmp: types.icmpCode, icmpv6: types.icmpv6Code, icmpx: types.icmpxCode }[step.type];
      const value: Term = { is: 'value', value: BigInt(step.code ?? PORT_UNREACHABLE[step.type]), type, bits: 8 };
      this.out.push({ statement: { reject: { type: step.type, expr: termJson(value, this.options) } }, step });
    }
    this.implied.reset();
  }

  run(step: Step): void {
    if (step.is === 'match') this.match(step);
    else if (step.is === 'vmap') this.vmap(step);
    else if (step.is === 'mangle') this.mangle(step);
    else if (step.is === 'action') this.action(step);
    else this.reject(step);
  }

  /** What stays, in order. */
  statements(): NftStatement[] {
    const gone = this.implied.gone;
    return this.out.filter(({ step }) => !(step.is === 'match' && gone.has(step))).map(({ statement }) => statement);
  }
}

/** Steps of a rule to the statements that nft lists. */
export function listSteps(steps: readonly Step[], family: NftFamily, options: ListingOptions): NftStatement[] {
  const listing = new Listing(family, options);
  for (const step of options.present === true ? steps : mergeSteps(steps, family)) listing.run(step);
  return listing.statements();
}
