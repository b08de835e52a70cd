/** `podwire translate`: rules in the other tool's words, what has none there, and whether both decide alike. */
import { CtState } from '@podwire/engine';
import type { Difference } from '../algebra/equivalent.ts';
import type { Outcome } from '../algebra/space/outcome.ts';
import {
  type Proof,
  proveAlike,
  type Renamed,
  type RuleFile,
  readRuleFiles,
  tablesOfNft,
  translateToIptables,
  translateToNft,
  type Untranslated,
} from '../linux/translate/index.ts';
import type { Problem } from '../problem.ts';
import { API_VERSION, type PacketView } from './answer.ts';
import { packetView } from './packet-view.ts';

export type TranslationTarget = 'nft' | 'iptables';

/** A packet that fares otherwise, and how. */
interface TranslationWitness {
  /** The hook and what stands around, or a chain. */
  where: string;
  packet: PacketView;
  iif: string;
  oif: string;
  state: string;
  /** Tests that nobody can look into, and which of them hold for it. */
  holds: string[];
  before: string;
  after: string;
}

export interface TranslationAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Translation';
  to: TranslationTarget;
  /** For `nft -f`, `iptables-restore` and `ip6tables-restore`; what is empty stands not here. */
  texts: { nft?: string; iptables?: string; ip6tables?: string };
  rules: { all: number; translated: number };
  untranslated: Untranslated[];
  renamed: Renamed[];
  problems: Problem[];
  /** Of what was translated: every packet fares alike; one does not; or it was not, or could not be, found out. */
  check: { result: 'alike' | 'differs' | 'undecided' | 'not asked'; why?: string; witness?: TranslationWitness };
}

export interface TranslationOptions {
  /** What the files are not written in where absent. */
  to?: TranslationTarget;
  /** Show that both decide alike. Done for small rulesets where absent. */
  check?: boolean;
}

/** So many rules are compared without being asked. */
const UNASKED_MAX = 2000;

const outcomeText = ({ verdict, text }: Outcome): string => (text === '' ? verdict : `${verdict} ${text}`);

function witnessOf(where: string, { packet: subject, outcomes }: Difference): TranslationWitness {
  const { packet, iif, oif, state, atoms } = subject;
  const [before, after] = outcomes;
  return {
    where,
    packet: packetView(packet),
    iif,
    oif,
    state: CtState[state] ?? String(state),
    holds: Object.keys(atoms).filter((name) => atoms[name]),
    before: outcomeText(before),
    after: outcomeText(after),
  };
}

function checkOf(proof: Proof): TranslationAnswer['check'] {
  switch (proof.kind) {
    case 'alike':
      return { result: 'alike' };
    case 'undecided':
      return { result: 'undecided', why: proof.why };
    case 'differs':
      return { result: 'differs', witness: witnessOf(proof.where, proof.difference) };
  }
}

type Made = Pick<TranslationAnswer, 'texts' | 'untranslated' | 'renamed'> & { rules: number; prove: () => Proof };

function intoNft({ tables, placeOf }: ReturnType<typeof readRuleFiles>): Made {
  const { text, kept, untranslated, renamed, rules } = translateToNft(tables, placeOf);
  const names = new Map(renamed.map(({ place, to }) => [place, to]));
  return {
    texts: text === '' ? {} : { nft: text },
    untranslated,
    renamed,
    rules,
    prove: () =>
      proveAlike(
        kept,
        tablesOfNft(text),
        ({ family, name }, chain) => names.get(`${family} ${name} ${chain}`) ?? chain,
      ),
  };
}

function intoIptables({ objects, placeOf }: ReturnType<typeof readRuleFiles>): Made {
  const { texts, tables, kept, untranslated, renamed, rules } = translateToIptables(objects, placeOf);
  return {
    texts: { ...(texts.ip !== '' && { iptables: texts.ip }), ...(texts.ip6 !== '' && { ip6tables: texts.ip6 }) },
    untranslated,
    renamed,
    rules,
    prove: () => proveAlike(kept, tables),
  };
}

/**
 * Files of one node, of either tool. Undefined: they hold no rules that could be translated to it (or, where `to` is absent, rules of both
 * tools, so that it must be said).
 */
export function translateRules(
  files: readonly RuleFile[],
  { to, check }: TranslationOptions = {},
): TranslationAnswer | 'no rules' | 'both tools' {
  const read = readRuleFiles(files);
  const [older, newer] = [read.tables.length > 0, read.objects.length > 0];
  if (to === undefined && older && newer) return 'both tools';
  const target = to ?? (newer ? 'iptables' : 'nft');
  if (target === 'nft' ? !older : !newer) return 'no rules';
  const { texts, untranslated, renamed, rules, prove } = target === 'nft' ? intoNft(read) : intoIptables(read);
  const lost = untranslated.reduce((sum, { rule, rules: whole = 0 }) => sum + (rule === undefined ? whole : 1), 0);
  const asked = check ?? rules <= UNASKED_MAX;
  return {
    apiVersion: API_VERSION,
    kind: 'Translation',
    to: target,
    texts,
    rules: { all: rules, translated: rules - lost },
    untranslated,
    renamed,
    problems: read.problems,
    check: asked ? checkOf(prove()) : { result: 'not asked' },
  };
}
