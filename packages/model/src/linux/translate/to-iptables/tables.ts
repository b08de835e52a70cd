/** What stands in a table of nftables, and which of its chains lead to which. */
import type { NftChain, NftExpression, NftMap, NftObject, NftRule, NftSet, NftTable } from '../../nft/syntax.ts';

export interface Source {
  table: NftTable;
  chains: Map<string, { chain: NftChain; rules: NftRule[] }>;
  sets: Map<string, NftSet | NftMap>;
  /** Names of sets that rules write to. */
  written: Set<string>;
}

const flagsOf = ({ flags }: { flags?: string | string[] }): string[] => [flags ?? []].flat();

/** Every set that the rule's statements write to. */
function writtenBy({ expr }: NftRule): string[] {
  return expr.flatMap((statement) => {
    if ('set' in statement) return [statement.set.set.replace(/^@/, '')];
    return 'map' in statement ? [statement.map.map.replace(/^@/, '')] : [];
  });
}

export function sourcesOf(objects: readonly NftObject[]): Source[] {
  const found = new Map<string, Source>();
  const source = ({ family, table }: { family: NftTable['family']; table: string }): Source => {
    const key = `${family} ${table}`;
    const known = found.get(key);
    if (known) return known;
    const made: Source = { table: { family, name: table }, chains: new Map(), sets: new Map(), written: new Set() };
    found.set(key, made);
    return made;
  };
  for (const object of objects) {
    if ('table' in object) source({ family: object.table.family, table: object.table.name }).table = object.table;
    else if ('chain' in object) source(object.chain).chains.set(object.chain.name, { chain: object.chain, rules: [] });
    else if ('set' in object) source(object.set).sets.set(object.set.name, object.set);
    else if ('map' in object) source(object.map).sets.set(object.map.name, object.map);
    else if ('rule' in object) {
      const own = source(object.rule);
      own.chains.get(object.rule.chain)?.rules.push(object.rule);
      for (const name of writtenBy(object.rule)) own.written.add(name);
    }
  }
  return [...found.values()];
}

/** Elements that stay as they are; undefined where rules or time change them. */
export function steadyElements({ sets, written }: Source, name: string): readonly unknown[] | undefined {
  const set = sets.get(name);
  if (!set || written.has(name) || set.timeout !== undefined) return undefined;
  return flagsOf(set).some((flag) => flag === 'dynamic' || flag === 'timeout') ? undefined : (set.elem ?? []);
}

/** Chains that verdicts anywhere in the tree lead to, those of named verdict maps included. */
function verdictsIn(node: unknown, source: Source, into: Set<string>): void {
  if (typeof node === 'string' && node.startsWith('@')) {
    const map = source.sets.get(node.slice(1));
    if (map && 'map' in map && map.map === 'verdict') verdictsIn(map.elem, source, into);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node as Record<string, NftExpression>)) {
    const target = key === 'jump' || key === 'goto' ? (value as { target?: string } | null)?.target : undefined;
    if (target !== undefined) into.add(target);
    else verdictsIn(value, source, into);
  }
}

/** The chain and those that it leads to, each before those it names. */
export function reachedFrom(source: Source, name: string, seen: Set<string> = new Set()): Set<string> {
  const found = source.chains.get(name);
  if (!found || seen.has(name)) return seen;
  seen.add(name);
  const targets = new Set<string>();
  for (const { expr } of found.rules) verdictsIn(expr, source, targets);
  for (const target of targets) reachedFrom(source, target, seen);
  return seen;
}

/** A verdict of the tree accepts: of rules, and of verdict maps that they name. */
function acceptsIn(node: unknown, source: Source): boolean {
  if (typeof node === 'string' && node.startsWith('@')) {
    const map = source.sets.get(node.slice(1));
    return map !== undefined && 'map' in map && map.map === 'verdict' && acceptsIn(map.elem, source);
  }
  if (typeof node !== 'object' || node === null) return false;
  return Object.entries(node).some(([key, value]) => (key === 'accept' && value === null) || acceptsIn(value, source));
}

/** A packet may be accepted by a rule of the chain, or of one that it leads to. */
export function mayAccept(source: Source, name: string): boolean {
  return [...reachedFrom(source, name)].some((chain) =>
    source.chains.get(chain)?.rules.some(({ expr }) => acceptsIn(expr, source)),
  );
}
