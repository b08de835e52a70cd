/** Tables of nftables as tables of iptables and ip6tables. */
import type { Table } from '@podwire/engine';
import type { IpFamily } from '../../iptables/base/extension.ts';
import { parseIptablesRules } from '../../iptables/index.ts';
import { targetExtension } from '../../iptables/registry.ts';
import { builtinChains, builtinTables } from '../../iptables/tables.ts';
import { parseIptablesSave, printIptablesSave } from '../../iptables-save.ts';
import { type NftChain, type NftObject, type NftRule, printRuleBody } from '../../nft/index.ts';
import { nftTables } from '../../nft-compile/index.ts';
import { iptablesChainName } from '../chain-names.ts';
import { NotTranslated } from '../part.ts';
import type { ReadPlace, Renamed, Untranslated } from '../report.ts';
import { placeChains, type Slot } from './place.ts';
import { type Line, linesOf } from './rule.ts';
import { mayAccept, reachedFrom, type Source, sourcesOf, steadyElements } from './tables.ts';

export interface IptablesTranslation {
  /** What iptables-restore and ip6tables-restore load; empty where there is nothing for one. */
  texts: Record<IpFamily, string>;
  tables: Table[];
  /** The machine's tables of what was translated, as they were. */
  kept: Table[];
  untranslated: Untranslated[];
  renamed: Renamed[];
  rules: number;
}

interface OpenChain {
  policy: string;
  lines: string[];
}

/** A word as iptables-restore reads it. */
const quoted = (word: string): string =>
  /^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/(["\\])/g, '\\$1').replace(/\n/g, ' ')}"`;

const FAMILIES: readonly IpFamily[] = ['ip', 'ip6'];

const placeName = ({ family, name }: Source['table'], chain?: string): string =>
  [family, name, ...(chain === undefined ? [] : [chain])].join(' ');

class FamilyTranslation {
  readonly family: IpFamily;
  readonly #sources: readonly Source[];
  readonly #slots: ReadonlyMap<NftChain, Slot | string>;
  /** Table -> chain. */
  readonly #tables = new Map<string, Map<string, OpenChain>>();
  /** Table, source and chain -> name. */
  readonly #names = new Map<string, string>();
  readonly renamed = new Map<string, Renamed>();

  constructor(family: IpFamily, sources: readonly Source[]) {
    this.family = family;
    this.#sources = sources.filter(({ table }) => table.family === family || table.family === 'inet');
    const bases = this.#sources.flatMap(({ chains }) =>
      [...chains.values()].flatMap(({ chain }) => (chain.hook === undefined ? [] : [chain])),
    );
    const sourceOf = (chain: NftChain) => this.#sources.find(({ chains }) => chains.get(chain.name)?.chain === chain);
    this.#slots = placeChains(bases, (chain) => {
      const source = sourceOf(chain);
      return source === undefined || mayAccept(source, chain.name);
    });
  }

  /** Base chains stand in the order in which they run, whatever the order in which they are read. */
  declareBases(): void {
    for (const [base, slot] of this.#slots) {
      const source = this.#sources.find(({ chains }) => chains.get(base.name)?.chain === base);
      if (source && typeof slot === 'object') this.#nameIn(slot.table, source, base.name);
    }
  }

  /** Base chains that there is no place for. */
  homeless(): { source: Source; chain: string; why: string }[] {
    return this.#sources.flatMap((source) =>
      [...source.chains.values()].flatMap(({ chain }) => {
        const slot = this.#slots.get(chain);
        const drops = typeof slot === 'object' && slot.table === 'nat' && chain.policy === 'drop';
        const why = drops ? 'nat chains of iptables let pass what they do not translate' : slot;
        return typeof why === 'string' ? [{ source, chain: chain.name, why }] : [];
      }),
    );
  }

  #open(table: string, chain: string, policy: string): OpenChain {
    const chains = this.#tables.get(table) ?? new Map<string, OpenChain>();
    this.#tables.set(table, chains);
    const known = chains.get(chain);
    const made = known ?? { policy, lines: [] };
    chains.set(chain, made);
    return made;
  }

  #isTaken(table: string, name: string): boolean {
    return (
      builtinChains(table).includes(name) ||
      targetExtension(name, this.family) !== undefined ||
      this.#tables.get(table)?.has(name) === true
    );
  }

  #nameIn(table: string, source: Source, chain: string): string {
    const key = `${table}\n${placeName(source.table, chain)}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const base = source.chains.get(chain)?.chain;
    const slot = base && this.#slots.get(base);
    const here = typeof slot === 'object' && slot.table === table ? slot : undefined;
    const name = here && !here.shared ? here.chain : iptablesChainName(chain, (one) => this.#isTaken(table, one));
    this.#names.set(key, name);
    const policy = here ? (base?.policy ?? 'accept').toUpperCase() : '-';
    if (here?.shared) {
      const builtin = this.#open(table, here.chain, policy);
      if (policy === 'DROP') builtin.policy = policy;
      builtin.lines.push(`-A ${here.chain} -j ${quoted(name)}`);
    }
    this.#open(table, name, here?.shared ? '-' : policy);
    if (name !== chain && (here === undefined || here.shared))
      this.renamed.set(key, { place: placeName(source.table, chain), to: `${this.family}tables ${table} ${name}` });
    return name;
  }

  /** Chains of a source with the iptables tables that they stand in. */
  placed(source: Source): Map<string, string[]> {
    const found = new Map<string, string[]>();
    const add = (chain: string, table: string) => {
      const tables = found.get(chain) ?? [];
      if (!tables.includes(table)) tables.push(table);
      found.set(chain, tables);
    };
    for (const { chain } of source.chains.values()) {
      const slot = this.#slots.get(chain);
      if (typeof slot === 'object') for (const name of reachedFrom(source, chain.name)) add(name, slot.table);
    }
    for (const [name, { chain }] of source.chains)
      if (!found.has(name) && chain.hook === undefined) add(name, 'filter');
    return found;
  }

  get sources(): readonly Source[] {
    return this.#sources;
  }

  /** Throws `NotTranslated` where a line of the rule is refused; else what puts it in its place. */
  rule(source: Source, rule: NftRule, table: string): () => void {
    const { family } = this;
    const chain = this.#nameIn(table, source, rule.chain);
    const own = (helper: number): string => `${chain}\n${helper}`;
    const context = { family, elementsOf: (name: string) => steadyElements(source, name) };
    const lines = linesOf(rule, context, own);
    const targets = lines.map((line) => this.#withTargets(line, source, table));
    const at = { table, stock: true, ...(builtinChains(table).includes(chain) && { chain }) };
    for (const { words } of targets) {
      const read = parseIptablesRules(
        words.map((word) => word.split('\n')[0] ?? word),
        family,
        at,
      );
      if ('error' in read)
        throw new NotTranslated('the rule', `${family === 'ip' ? 'iptables' : 'ip6tables'} refuses it: ${read.error}`);
    }
    return () => this.#write(targets, table, chain);
  }

  /** Jumps lead to chains by their names here; those of the rule's own stay marked. */
  #withTargets(line: Line, source: Source, table: string): Line {
    const { words } = line;
    const at = words.findLastIndex(
      (word, i) => (words[i - 1] === '-j' || words[i - 1] === '-g') && source.chains.has(word),
    );
    const target = words[at];
    if (target === undefined || at !== words.length - 1) return line;
    return { ...line, words: words.with(at, this.#nameIn(table, source, target)) };
  }

  #write(lines: readonly Line[], table: string, chain: string): void {
    const helpers = new Map<string, string>();
    const nameOf = (marked: string): string => {
      const known = helpers.get(marked);
      if (known !== undefined) return known;
      const name = iptablesChainName(`${chain.slice(0, 20)}-part`, (one) => this.#isTaken(table, one));
      this.#open(table, name, '-');
      helpers.set(marked, name);
      return name;
    };
    for (const { helper, words } of lines) {
      const into = helper === undefined ? chain : nameOf(`${chain}\n${helper}`);
      const text = words.map((word) => quoted(word.includes('\n') ? nameOf(word) : word)).join(' ');
      this.#open(table, into, '-').lines.push(`-A ${into}${text === '' ? '' : ` ${text}`}`);
    }
  }

  /** Chains that hold no rule are declared, too: others may lead to them. */
  declare(source: Source, chain: string, table: string): void {
    this.#nameIn(table, source, chain);
  }

  /** Text for the family's restore program. */
  text(): { text: string; tables: Table[] } {
    const written = builtinTables().flatMap((table) => {
      const chains = this.#tables.get(table);
      if (!chains) return [];
      const builtin = builtinChains(table).map((name): [string, string] => [
        name,
        chains.get(name)?.policy ?? 'ACCEPT',
      ]);
      const own = [...chains].filter(([name]) => !builtinChains(table).includes(name));
      const declared = [...builtin, ...own.map(([name]): [string, string] => [name, '-'])];
      const rules = [...chains.values()].flatMap(({ lines }) => lines);
      if (rules.length === 0 && declared.every(([, policy]) => policy === 'ACCEPT')) return [];
      return [`*${table}`, ...declared.map(([name, policy]) => `:${name} ${policy} [0:0]`), ...rules, 'COMMIT'];
    });
    const { tables } = parseIptablesSave(`${written.join('\n')}\n`, this.family);
    return { text: printIptablesSave(tables, this.family), tables };
  }
}

function untranslated(error: NotTranslated, rule: NftRule, place: ReadPlace | undefined): Untranslated {
  const { part, why } = error;
  const text = printRuleBody(rule, { family: rule.family });
  return { place: `${rule.family} ${rule.table} ${rule.chain}`, rule: text, part, why, ...place };
}

/** `placeOf`: where the body of an object was read. */
export function translateToIptables(
  objects: readonly NftObject[],
  placeOf: (body: object) => ReadPlace | undefined = () => undefined,
): IptablesTranslation {
  const sources = sourcesOf(objects);
  const out: IptablesTranslation = {
    texts: { ip: '', ip6: '' },
    tables: [],
    kept: [],
    untranslated: [],
    renamed: [],
    rules: 0,
  };
  const lost = new Set<object>();
  for (const { table, chains } of sources) {
    if (table.family === 'ip' || table.family === 'ip6' || table.family === 'inet') continue;
    lost.add(table);
    const rules = [...chains.values()].reduce((sum, one) => sum + one.rules.length, 0);
    out.rules += rules;
    out.untranslated.push({
      place: placeName(table),
      rules,
      part: `table ${placeName(table)}`,
      why: `iptables has no tables of family ${table.family}`,
      ...placeOf(table),
    });
  }
  const families = FAMILIES.map((family) => new FamilyTranslation(family, sources));
  for (const one of families) one.declareBases();
  const homeless = new Set<object>();
  for (const { source, chain, why } of families.flatMap((one) => one.homeless())) {
    const found = source.chains.get(chain);
    if (!found || homeless.has(found.chain)) continue;
    homeless.add(found.chain);
    out.rules += found.rules.length;
    out.untranslated.push({
      place: placeName(source.table, chain),
      rules: found.rules.length,
      part: `chain ${chain}`,
      why,
      ...placeOf(found.chain),
    });
  }
  for (const source of sources) {
    if (lost.has(source.table)) continue;
    for (const [name, { chain, rules }] of source.chains) {
      if (homeless.has(chain)) continue;
      for (const rule of rules) {
        out.rules++;
        try {
          const writes = families
            .filter((one) => one.sources.includes(source))
            .flatMap((one) => (one.placed(source).get(name) ?? []).map((table) => one.rule(source, rule, table)));
          for (const write of writes) write();
        } catch (error) {
          if (!(error instanceof NotTranslated)) throw error;
          lost.add(rule);
          out.untranslated.push(untranslated(error, rule, placeOf(rule)));
        }
      }
      for (const one of families.filter((each) => each.sources.includes(source)))
        for (const table of one.placed(source).get(name) ?? []) one.declare(source, name, table);
    }
  }
  for (const one of families) {
    const { text, tables } = one.text();
    out.texts[one.family] = text;
    out.tables.push(...tables);
    out.renamed.push(...one.renamed.values());
  }
  out.kept = nftTables(objects.filter((object) => isKept(object, lost, homeless)));
  return out;
}

/** Tables and chains that are left out take all that stands in them along. */
function isKept(object: NftObject, lost: ReadonlySet<object>, homeless: ReadonlySet<object>): boolean {
  const [body] = Object.values(object) as { family: string; table?: string; name?: string; chain?: string }[];
  if (!body || lost.has(body) || homeless.has(body)) return false;
  for (const one of [...lost, ...homeless] as { family?: string; table?: string; name?: string; chain?: string }[]) {
    if (one.chain !== undefined || one.family !== body.family) continue;
    if (one.table === undefined ? body.table === one.name : body.table === one.table && body.chain === one.name)
      return false;
  }
  return true;
}
