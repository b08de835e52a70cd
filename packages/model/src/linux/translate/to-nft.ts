/** Tables of iptables and its siblings as tables of nftables. */
import { type Chain, Hook, type Rule, type Statement, type Table } from '@podwire/engine';
import { type NftRule, printNftRuleset } from '../nft/index.ts';
import { dumpTools, iptables } from '../rule-dump/index.ts';
import type { DumpTool } from '../rule-dump/tool.ts';
import { nftChainName } from './chain-names.ts';
import { Listing } from './listed.ts';
import { neededObjects } from './needs.ts';
import { NotTranslated } from './part.ts';
import type { ReadPlace, Renamed, Untranslated } from './report.ts';
import { translateRule } from './rule.ts';
import { setNames } from './set-names.ts';

export interface NftTranslation {
  /** Loads into `nft -f`; rules left out stand in it as comments. */
  text: string;
  /** The tables as they were, without the rules left out. */
  kept: Table[];
  untranslated: Untranslated[];
  renamed: Renamed[];
  rules: number;
}

type Family = 'ip' | 'ip6' | 'bridge' | 'arp';

const isFamily = (family: Table['family']): family is Family =>
  family === 'ip' || family === 'ip6' || family === 'bridge' || family === 'arp';

const tools = dumpTools(iptables.ip).named;
const TOOLS: Readonly<Record<Family, DumpTool>> = {
  ip: tools.iptables,
  ip6: tools.ip6tables,
  bridge: tools.ebtables,
  arp: tools.arptables,
};

const HOOKS: Readonly<Partial<Record<Hook, string>>> = {
  [Hook.PREROUTING]: 'prerouting',
  [Hook.INPUT]: 'input',
  [Hook.FORWARD]: 'forward',
  [Hook.OUTPUT]: 'output',
  [Hook.POSTROUTING]: 'postrouting',
};

/** Nothing has to be said of a built-in chain that lets everything by. */
const saysNothing = ({ hook, rules }: Chain): boolean =>
  hook !== undefined && hook.policy === 'accept' && rules.length === 0;

class TableTranslation {
  readonly #family: Family;
  readonly #table: Table;
  readonly #listing: Listing;
  readonly #out: NftTranslation;
  readonly #comments: Map<NftRule, string>;
  readonly #placeOf: (rule: Rule) => ReadPlace | undefined;
  readonly #names = new Map<string, string>();
  readonly #setName = setNames();

  constructor(
    family: Family,
    table: Table,
    listing: Listing,
    out: NftTranslation,
    comments: Map<NftRule, string>,
    placeOf: (rule: Rule) => ReadPlace | undefined,
  ) {
    this.#family = family;
    this.#table = table;
    this.#listing = listing;
    this.#out = out;
    this.#comments = comments;
    this.#placeOf = placeOf;
  }

  translate(): void {
    const { name, chains } = this.#table;
    const family = this.#family;
    const said = chains.filter((chain) => !saysNothing(chain) || this.#isCalled(chain.name));
    this.#listing.add({ table: { family, name } });
    const kept = said.filter((chain) => this.#declare(chain));
    const made = kept.map((chain) => ({ ...chain, rules: chain.rules.filter((rule) => this.#rule(chain.name, rule)) }));
    this.#out.kept.push({ ...this.#table, chains: made });
  }

  #isCalled(name: string): boolean {
    const calls = ({ body }: Rule) => body.some((s) => (s.kind === 'jump' || s.kind === 'goto') && s.chain === name);
    return this.#table.chains.some(({ rules }) => rules.some(calls));
  }

  #place(chain: string): string {
    return `${this.#family} ${this.#table.name} ${chain}`;
  }

  /** False for a chain that hangs where nftables has no hook. */
  #declare({ name, hook, rules }: Chain): boolean {
    const family = this.#family;
    const own = nftChainName(name, (one) => [...this.#names.values()].includes(one));
    if (own !== name) this.#out.renamed.push({ place: this.#place(name), to: own });
    this.#names.set(name, own);
    const chain = { family, table: this.#table.name, name: own };
    if (!hook) {
      this.#listing.add({ chain });
      return true;
    }
    const { type, priority, policy } = hook;
    const at = HOOKS[hook.hook];
    const why = this.#noHook(hook.hook, priority);
    if (at === undefined || why !== undefined) {
      this.#out.rules += rules.length;
      const part = `chain ${name}`;
      const whole = { place: this.#place(name), rules: rules.length, part, why: why ?? 'nftables has no such hook' };
      this.#out.untranslated.push(whole);
      return false;
    }
    this.#listing.add({ chain: { ...chain, type, hook: at, prio: priority, policy } });
    return true;
  }

  #noHook(hook: Hook, priority: number): string | undefined {
    if (this.#family === 'arp' && hook === Hook.FORWARD)
      return 'nftables has no hook for packets of ARP that are bridged';
    if (priority === -(2 ** 31)) return 'nftables has no chain that decides whether a frame is bridged or routed';
    return undefined;
  }

  /** Where a jump leads, in nftables' names. */
  #renamed(statement: Statement): Statement {
    if (statement.kind !== 'jump' && statement.kind !== 'goto') return statement;
    const chain = this.#names.get(statement.chain);
    if (chain === undefined) throw new NotTranslated(`-j ${statement.chain}`, 'there is no such chain');
    return { ...statement, chain };
  }

  /** False for a rule that nftables has no words for. */
  #rule(chain: string, rule: Rule): boolean {
    const family = this.#family;
    const at = { family, table: this.#table.name, chain: this.#names.get(chain) ?? chain };
    this.#out.rules++;
    try {
      const body = rule.body.map((statement) => this.#renamed(statement));
      // Tried first: a rule that is left out takes no name.
      translateRule({ ...rule, body }, family);
      const { expr, comment, needs = [] } = translateRule({ ...rule, body }, family, { setName: this.#setName });
      this.#listing.add(...neededObjects(needs, family, at.table));
      this.#listing.addRule({ ...at, expr, ...(comment !== undefined && { comment }) });
      return true;
    } catch (error) {
      if (!(error instanceof NotTranslated)) throw error;
      const { part, why } = error;
      const text = TOOLS[family].print(rule);
      const place = this.#placeOf(rule);
      this.#out.untranslated.push({ place: this.#place(chain), rule: `-A ${chain} ${text}`, part, why, ...place });
      const stand: NftRule = { ...at, expr: [] };
      this.#listing.objects.push({ rule: stand });
      this.#comments.set(stand, `# not translated: -A ${chain} ${text} (${part}: ${why})`);
      return false;
    }
  }
}

/** Tables that nftables wrote are left alone. `placeOf`: where a rule was read. */
export function translateToNft(
  tables: readonly Table[],
  placeOf: (rule: Rule) => ReadPlace | undefined = () => undefined,
): NftTranslation {
  const out: NftTranslation = { text: '', kept: [], untranslated: [], renamed: [], rules: 0 };
  const listing = new Listing();
  const comments = new Map<NftRule, string>();
  for (const table of tables) {
    if (table.syntax === 'nft' || !isFamily(table.family)) continue;
    new TableTranslation(table.family, table, listing, out, comments, placeOf).translate();
  }
  out.text = printNftRuleset(listing.objects, { instead: (rule) => comments.get(rule) });
  return out;
}
