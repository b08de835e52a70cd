/** One rule: its statements in the order written (nft_do_chain, net/netfilter/nf_tables_core.c; iptables writes its matches first). */
import { type NftAction, type NftElement, plainStatements, type Rule, type Statement, Verdict } from '../src/index.ts';
import type { Place } from './chain.ts';
import { isMatch, isNftMatch, matches } from './match.ts';
import type { At } from './nft-key.ts';
import { actNft, matchNft, type NftResult } from './nft-statements.ts';
import type { Host, Run, Skb } from './state.ts';
import { type ActionResult, act, translateBy } from './target.ts';

const NFT_ACTIONS: ReadonlySet<Statement['kind']> = new Set<NftAction['kind']>([
  'verdict-map',
  'set-meta',
  'set-header',
  'nat-to',
  'set-update',
  'forward-to',
]);

const isNftAction = (statement: Statement): statement is NftAction => NFT_ACTIONS.has(statement.kind);

/** Statements that an element carries: each has to hold. */
function elementHolds(at: At, { statements = [] }: NftElement): boolean {
  const { run, host, skb, place } = at;
  return plainStatements(statements).every((statement) => {
    if (!isMatch(statement)) return true;
    if (!isNftMatch(statement)) return matches(run, host, skb, place, statement);
    return matchNft(at, statement, (element) => elementHolds(at, element)).kind === 'on';
  });
}

/** What to do with what nftables' statement came to. */
function settle({ host, skb, place }: At, { nat, ...result }: NftResult): ActionResult {
  if (!nat) return result;
  const { element } = result;
  return { ...translateBy(host, skb, place, nat.manip, nat.range), ...(element ? { element } : {}) };
}

/** Undefined: a match does not hold, and nothing was done before it. */
export function applyRule(run: Run, host: Host, skb: Skb, place: Place, rule: Rule): ActionResult | undefined {
  const at: At = { run, host, skb, place };
  let element: NftElement | undefined;
  let acted = false;
  const found = () => (element ? { element } : {});
  const broken = () => (acted ? { verdict: Verdict.BREAK, ...found() } : undefined);
  const runElement = (one: NftElement) => elementHolds(at, one);
  for (const statement of plainStatements(rule.body)) {
    if (isMatch(statement)) {
      if (!isNftMatch(statement)) {
        if (!matches(run, host, skb, place, statement)) return broken();
        continue;
      }
      const outcome = matchNft(at, statement, runElement);
      if (outcome.kind === 'break') return broken();
      element = outcome.element ?? element;
      continue;
    }
    const made = isNftAction(statement) ? actNft(at, statement, runElement) : act(run, host, skb, place, statement);
    if (!made) return broken();
    const result = isNftAction(statement) ? settle(at, made) : made;
    element = result.element ?? element;
    if (result.verdict !== Verdict.CONTINUE) return { ...result, ...found() };
    if (statement.kind !== 'note') acted = true;
  }
  return { verdict: Verdict.CONTINUE, ...found() };
}
