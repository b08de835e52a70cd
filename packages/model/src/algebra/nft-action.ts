/** What nftables' own statements do: verdict maps, marks and translations that come from the packet or a map. */
import type { Action, DataSource, NftElement, Scalar, Selector, SetRef, ValueRange } from '@podwire/engine';
import type { MatchContext } from './match/context.ts';
import { type Found, foundIn, isSteady, keyFor, keyOf, setOf } from './match/nft.ts';
import { natText } from './nat-text.ts';
import { branch, type Case, CONTINUE, type Next, type Piece, to } from './piece.ts';
import { type Diagram, TRUE } from './space/diagram.ts';
import { andThen, doing, type Effect, restoreMark, saveMark, setConnmark, setMark } from './space/effect.ts';

type ActionOf<K extends Action['kind']> = Action & { kind: K };

const unknown = (text: string): Next => ({ kind: 'verdict', verdict: 'unknown', text });

/** The elements of a map; undefined where what it holds is not known. */
function elements(
  context: MatchContext,
  { key, map: ref }: { key: readonly Selector[]; map: SetRef },
): Found[] | undefined {
  const map = setOf(context, ref);
  if (!map || !isSteady(context, map)) return undefined;
  return foundIn(context, keyFor(context, key, map), map);
}

const nextOf = ({ verdict }: NftElement): Next => {
  switch (verdict?.kind) {
    case 'accept':
    case 'drop':
      return { kind: 'verdict', verdict: verdict.kind, text: '' };
    case 'jump':
    case 'goto':
      return { kind: verdict.kind, chain: verdict.chain };
    case 'return':
      return { kind: 'return' };
    default:
      return CONTINUE;
  }
};

export function verdictMapPiece(context: MatchContext, action: ActionOf<'verdict-map'>): Piece {
  const found = elements(context, action);
  if (!found) return branch(to(unknown(`vmap ${JSON.stringify(action.map)}`)));
  const cases = found.map(({ element, when }) => ({ ...to(nextOf(element)), when }));
  return { kind: 'branch', cases, choice: true };
}

const ALL = 0xffffffff;

type Target = ActionOf<'set-meta'>['target'];

const ZONES: Readonly<Partial<Record<Target, string>>> = {
  'ct zone': 'both',
  'ct original zone': 'ORIGINAL',
  'ct reply zone': 'REPLY',
};

function written(target: Target, value: number): Effect {
  if (target === 'mark') return setMark(value, ALL);
  if (target === 'ct mark') return setConnmark(value, ALL);
  return doing(`zone ${value} ${ZONES[target]}`);
}

/** One mark made of another by a mask and an exclusive or. */
function copied(target: Target, selector: Selector): Effect | undefined {
  const { field, mask = ALL, xor = 0, shift = 0 } = selector;
  if (shift !== 0 || typeof mask !== 'number' || typeof xor !== 'number') return undefined;
  if (target === 'mark' && field === 'meta mark') return setMark(xor, ~mask);
  if (target === 'ct mark' && field === 'ct mark') return setConnmark(xor, ~mask);
  if (target === 'mark' && field === 'ct mark') return andThen(restoreMark(ALL, mask), setMark(xor, 0));
  if (target === 'ct mark' && field === 'meta mark') return andThen(saveMark(mask, ALL), setConnmark(xor, 0));
  return undefined;
}

const isNumber = (value: ValueRange | undefined): value is number => typeof value === 'number';

export function setMetaPiece(context: MatchContext, { target, value }: ActionOf<'set-meta'>): Piece {
  const { space } = context;
  const text = `${target} set ${JSON.stringify(value)}`;
  // A connection's mark is left alone where there is none (nft_ct_set_eval); the rule goes on.
  const guarded = (effect: Effect, when: Diagram): Case[] =>
    target === 'ct mark'
      ? [to(CONTINUE, effect, space.and(when, space.connection())), { ...to(CONTINUE), when }]
      : [to(CONTINUE, effect, when)];
  if (value.kind === 'value') {
    const [only] = value.values;
    return branch(...(isNumber(only) ? guarded(written(target, only), TRUE) : [to(unknown(text))]));
  }
  if (value.kind === 'selectors') {
    const [selector] = value.key;
    const effect = selector && value.key.length === 1 ? copied(target, selector) : undefined;
    const { exists } = keyOf(context, value.key);
    return branch(...(effect ? guarded(effect, exists) : [{ ...to(unknown(text)), when: exists }]));
  }
  const found = elements(context, value);
  if (!found) return branch(to(unknown(text)));
  return branch(
    ...found.flatMap(({ element, when }) => {
      const [only] = element.data ?? [];
      return isNumber(only) ? guarded(written(target, only), when) : [{ ...to(unknown(text)), when }];
    }),
  );
}

const ends = (range: ValueRange): { from: Scalar; to: Scalar } =>
  typeof range === 'object' ? range : { from: range, to: range };

/** The parts of a value by what they give. */
function translation(action: ActionOf<'nat-to'>, parts: readonly ValueRange[]): Next {
  const { nat, gives, random, randomFully, persistent, netmap } = action;
  const part = (what: 'address' | 'port') => {
    const at = gives.indexOf(what);
    const range = at < 0 ? undefined : parts[at];
    return range === undefined ? undefined : ends(range);
  };
  const address = part('address');
  const port = part('port');
  const text = natText({
    nat,
    addresses: address && { from: String(address.from), to: String(address.to) },
    ports: port && { from: Number(port.from), to: Number(port.to) },
    random,
    randomFully,
    persistent,
    netmap,
  });
  return { kind: 'verdict', verdict: 'nat', text };
}

const fromPacket = (action: ActionOf<'nat-to'>, value: DataSource): Next => ({
  kind: 'verdict',
  verdict: 'nat',
  text: `${action.nat} to ${JSON.stringify(value)}`,
});

/** An address of the other family translates nothing, and the rule goes on (nft_nat_inet_eval). */
function translated(
  { space }: MatchContext,
  action: ActionOf<'nat-to'>,
  parts: readonly ValueRange[],
  when: Diagram,
): Case[] {
  const next = translation(action, parts);
  const at = action.gives.indexOf('address');
  const address = at < 0 ? undefined : parts[at];
  if (address === undefined) return [{ ...to(next), when }];
  const family = space.family(String(ends(address).from).includes(':') ? 6 : 4);
  return [
    { ...to(next), when: space.and(family, when) },
    { ...to(CONTINUE), when },
  ];
}

export function natToPiece(context: MatchContext, action: ActionOf<'nat-to'>): Piece {
  const { value } = action;
  if (value.kind === 'value') return branch(...translated(context, action, value.values, TRUE));
  if (value.kind === 'selectors')
    return branch({ ...to(fromPacket(action, value)), when: keyOf(context, value.key).exists });
  const map = elements(context, value);
  if (!map) return branch(to(unknown(`${action.nat} to ${JSON.stringify(value)}`)));
  return branch(...map.flatMap(({ element, when }) => translated(context, action, element.data ?? [], when)));
}

/** A set that is full takes no more: the rule ends there (nft_dynset_eval). */
export function setUpdatePiece(context: MatchContext, { op, set, key, data }: ActionOf<'set-update'>): Piece {
  const { space } = context;
  const full = op !== 'delete' && context.setNamed(set)?.size !== undefined;
  const written = context.setNamed(set);
  const found = written ? keyFor(context, key, written) : keyOf(context, key);
  const more = data?.kind === 'selectors' ? keyOf(context, data.key).exists : TRUE;
  const when = space.and(found.exists, more, full ? context.draw(`room in @${set}`) : TRUE);
  return branch(to(CONTINUE, doing(`${op} @${set} ${JSON.stringify(key)}`), when));
}
