/**
 * One rule of nftables as rules of iptables. Tests commute, so that sets become one rule for each element. What may be asked only once, and
 * what an action could change before it is asked again, takes chains of its own.
 */
import type { NftRule } from '../../nft/syntax.ts';
import type { Target } from './actions.ts';
import { type Context, EMPTY, type Head, lacks, product, type Reads, withAlternative } from './head.ts';
import { type Program, programOf, type Tail } from './program.ts';

/** What stands behind `-A CHAIN`. `helper`: which of the rule's own chains; absent for the chain that the rule stands in. */
export interface Line {
  helper?: number;
  words: string[];
}

const isPlain = ({ once, words }: Head): boolean => once.size === 0 && words.length === 0;

function withoutProtocol(words: readonly string[]): string[] {
  const at = words.indexOf('-p');
  return at < 0 ? [...words] : words.toSpliced(at, 2);
}

/** Both must hold; undefined where they contradict each other. */
function joined(a: Head, b: Head): Head | undefined {
  if (isPlain(b) && b.protocol === undefined) return a;
  if (isPlain(a) && a.protocol === undefined) return b;
  const both = a.protocol !== undefined && b.protocol !== undefined;
  if (both && a.protocol !== b.protocol) return undefined;
  const twice = [...a.once].find((option) => b.once.has(option) && !(option === 'p' && both));
  if (twice !== undefined) return lacks(b.words.join(' '), `iptables takes -${twice} but once`);
  return {
    // -p stands once, in front of what needs it.
    words: [...a.words, ...(both ? withoutProtocol(b.words) : b.words)],
    protocol: a.protocol ?? b.protocol,
    once: new Set([...a.once, ...b.once]),
    reads: new Set([...a.reads, ...b.reads]),
  };
}

const targetHead = (head: Head, { protocol }: Target): Head | undefined =>
  protocol === undefined ? head : withAlternative(head, [{ words: [], protocol }]);

const readBy = (heads: readonly Head[]): ReadonlySet<Reads> => new Set(heads.flatMap(({ reads }) => [...reads]));

/** Might the packet be another to these tests when the target is done? What a called chain does is not looked at. */
function disturbs({ ends, calls, writes }: Target, read: ReadonlySet<Reads>): boolean {
  if (ends) return false;
  return calls === true ? read.size > 0 : writes !== undefined && read.has(writes);
}

const keyed = (tails: readonly Tail[]): Tail[] => tails.filter(({ heads }) => heads.some((head) => !isPlain(head)));

/** Targets of one element that might let another one's test hold. */
function siblingsDisturb(tails: readonly Tail[]): boolean {
  const chosen = keyed(tails);
  const heads = chosen.flatMap((tail) => tail.heads);
  const read = readBy(heads);
  return heads.length > 1 && chosen.some(({ targets }) => targets.some((target) => disturbs(target, read)));
}

/** May each target be asked for by the same tests again? */
function mayRepeat({ heads, tails, counting, none }: Program): boolean {
  const lines =
    heads.length * tails.reduce((sum, tail) => sum + tail.heads.length * Math.max(tail.targets.length, 1), 0);
  if (lines <= 1) return none.length === 0;
  if (none.length > 0 || counting.length > 0 || siblingsDisturb(tails)) return false;
  const read = readBy(heads);
  return !tails.some(({ targets }) => targets.some((target) => disturbs(target, read)));
}

/** A target for each head, in turn. */
function repeated(head: Head, tails: readonly Tail[], comment: readonly string[]): string[][] {
  return tails.flatMap(({ heads, targets }) =>
    heads.flatMap((own) => {
      const both = joined(head, own);
      if (!both) return [];
      if (targets.length === 0) return [[...both.words, ...comment]];
      return targets.flatMap((target) => {
        const asked = targetHead(both, target);
        return asked ? [[...asked.words, ...comment, ...target.words]] : [];
      });
    }),
  );
}

/** Every step in a chain that the one before goes to: whoever goes there does not come back to ask again. */
function spread(
  { heads, none, tails }: Program,
  counted: readonly Head[],
  comment: readonly string[],
  nameOf: (helper: number) => string,
): Line[] {
  const lines: Line[] = [];
  let last = 0;
  const [only] = heads;
  const single = heads.length === 1 && only ? only.words : [];
  lines.push({ words: [...single, ...comment, '-j', nameOf(0)] });
  for (const one of none) {
    const head = withAlternative(EMPTY, one);
    if (head) lines.push({ helper: 0, words: [...head.words, '-j', 'RETURN'] });
  }
  const steps = [...(heads.length === 1 ? [] : [heads]), ...(counted.every(isPlain) ? [] : [counted])];
  for (const step of steps) {
    for (const head of step) lines.push({ helper: last, words: [...head.words, '-g', nameOf(last + 1)] });
    last++;
  }
  const alone = siblingsDisturb(tails);
  let next = last + 1;
  for (const { heads: own, targets } of tails) {
    const inside = alone && own.some((head) => !isPlain(head));
    if (inside) for (const head of own) lines.push({ helper: last, words: [...head.words, '-g', nameOf(next)] });
    const words = repeated(EMPTY, [{ heads: inside ? [EMPTY] : own, targets }], []);
    for (const line of words) lines.push({ helper: inside ? next : last, words: line });
    if (inside) next++;
  }
  return lines;
}

/** In order, chain by chain. `nameOf`: the name of the rule's own chain. Throws `NotTranslated`. */
export function linesOf(rule: NftRule, context: Context, nameOf: (helper: number) => string): Line[] {
  const program = programOf(rule, context);
  if (!program) return [];
  const { heads, counting, tails } = program;
  const comment = rule.comment === undefined ? [] : ['-m', 'comment', '--comment', rule.comment];
  const counted = counting.reduce<Head[]>((sum, any) => product(sum, any), [EMPTY]);
  if (counted.length === 1 && mayRepeat(program)) {
    const [counts = EMPTY] = counted;
    return heads.flatMap((head) => {
      const both = joined(head, counts);
      return both ? repeated(both, tails, comment).map((words) => ({ words })) : [];
    });
  }
  if (tails.some(({ targets }) => targets.some(({ leaves }) => leaves)))
    lacks('return or goto', 'the rule takes a chain of its own in iptables, and the verdict would leave that one only');
  return spread(program, counted, comment, nameOf);
}
