/** One row per kind of action: where the rule goes, and what is done to the packet before. */
import type { Action, NatRange, PlainAction } from '@podwire/engine';
import type { MatchContext } from './match/context.ts';
import { natText } from './nat-text.ts';
import { natToPiece, setMetaPiece, setUpdatePiece, verdictMapPiece } from './nft-action.ts';
import { branch, CONTINUE, type Next, type Piece, to } from './piece.ts';
import { doing, type Effect, NOTHING, restoreMark, saveMark, setConnmark, setMark, UNTRACK } from './space/effect.ts';

type ActionOf<K extends Action['kind']> = Action & { kind: K };
type PieceOf<K extends Action['kind']> = (context: MatchContext, action: ActionOf<K>) => Piece;

/** Only where there is a connection; elsewhere nothing happens. */
const withConnection = ({ space }: MatchContext, effect: Effect): Piece =>
  branch(to(CONTINUE, effect, space.connection()), to(CONTINUE));

/** Marks are followed bit by bit where they stand: one that is shifted is not known. */
const moved = (context: MatchContext, effect: Effect, shift: number | undefined): Piece =>
  shift ? unknown('-j CONNMARK with a shift') : withConnection(context, effect);

const nat = (_: MatchContext, { kind, range }: { kind: string; range: NatRange }): Piece =>
  branch(to({ kind: 'verdict', verdict: 'nat', text: natText({ nat: kind, ...range }) }));

/** `icmpx-...`: the family's own (nft_reject_inet_eval). */
const FAMILY_REJECTS: Readonly<Record<string, readonly [four: string, six: string]>> = {
  'icmpx-port-unreachable': ['icmp-port-unreachable', 'icmp6-port-unreachable'],
  'icmpx-no-route': ['icmp-net-unreachable', 'icmp6-no-route'],
  'icmpx-host-unreachable': ['icmp-host-unreachable', 'icmp6-addr-unreachable'],
  'icmpx-admin-prohibited': ['icmp-admin-prohibited', 'icmp6-adm-prohibited'],
};

function reject({ space }: MatchContext, action: ActionOf<'reject'>): Piece {
  const rejected = (text: string): Next => ({ kind: 'verdict', verdict: 'reject', text });
  const own = FAMILY_REJECTS[action.with];
  if (!own) return branch(to(rejected(action.with)));
  return branch(to(rejected(own[0]), NOTHING, space.family(4)), to(rejected(own[1])));
}

/** A program says which (nf_queue.c): nobody knows. */
const queue = (_: MatchContext, { text }: { text: string }): Piece => unknown(text);

const unknown = (text: string): Piece => branch(to({ kind: 'verdict', verdict: 'unknown', text }));

const PIECES: { readonly [K in PlainAction['kind']]: PieceOf<K> } = {
  accept: () => branch(to({ kind: 'verdict', verdict: 'accept', text: '' })),
  drop: () => branch(to({ kind: 'verdict', verdict: 'drop', text: '' })),
  return: () => branch(to({ kind: 'return' })),
  jump: (_, { chain }) => branch(to({ kind: 'jump', chain })),
  goto: (_, { chain }) => branch(to({ kind: 'goto', chain })),
  reject,
  'set-mark': (_, { value, mask }) => branch(to(CONTINUE, setMark(value, mask))),
  'set-connmark': (context, { value, mask, shift }) => moved(context, setConnmark(value, mask), shift),
  'save-mark': (context, { nfmask, ctmask, shift }) => moved(context, saveMark(nfmask, ctmask), shift),
  'restore-mark': (context, { nfmask, ctmask, shift }) => moved(context, restoreMark(nfmask, ctmask), shift),
  dnat: nat,
  snat: nat,
  masquerade: nat,
  redirect: nat,
  /** Of a packet that conntrack has not seen. */
  notrack: ({ space }) => branch(to(CONTINUE, UNTRACK, space.not(space.connection())), to(CONTINUE)),
  'ct-helper': () => branch(to(CONTINUE)),
  'ct-zone': (_, { zone, direction }) => branch(to(CONTINUE, doing(`zone ${zone} ${direction ?? 'both'}`))),
  'set-add': (_, { set, flags, timeout }) =>
    branch(to(CONTINUE, doing(`add to ${set} ${flags.join(',')}${timeout === undefined ? '' : ` for ${timeout} s`}`))),
  'set-del': (_, { set, flags }) => branch(to(CONTINUE, doing(`delete from ${set} ${flags.join(',')}`))),
  note: () => branch(to(CONTINUE)),
  queue,
  'unmodelled-target': (_, { text }) => unknown(text),
  'verdict-map': verdictMapPiece,
  'set-meta': setMetaPiece,
  'set-header': (_, { field }) => unknown(`${field} set`),
  'nat-to': natToPiece,
  'set-update': setUpdatePiece,
  'forward-to': (_, { device }) => branch(to({ kind: 'verdict', verdict: 'forward', text: device })),
};

/** The action as a branch of its rule. */
export function actionPiece<K extends PlainAction['kind']>(
  context: MatchContext,
  action: PlainAction & { kind: K },
): Piece {
  return (PIECES[action.kind as K] as PieceOf<K>)(context, action);
}
