/** Shows that rules and their translation decide every packet alike, or gives one that they do not. */
import type { Rule, Table } from '@podwire/engine';
import { RulesError } from '../../algebra/compile.ts';
import { decideChain } from '../../algebra/decision.ts';
import { type Difference, differenceOf, rulesetDifference, type Stage } from '../../algebra/equivalent.ts';
import { PacketSet } from '../../algebra/packet-set.ts';
import { AlgebraLimitError } from '../../algebra/space/diagram.ts';
import { PacketSpace } from '../../algebra/space/packet-space.ts';
import { tableInNftWords } from './nft-words.ts';
import { NotTranslated } from './part.ts';

export type Proof =
  | { kind: 'alike'; chains: number }
  | { kind: 'differs'; where: string; difference: Difference }
  /** Too large, or a rule that has no words in which both sides could be compared. */
  | { kind: 'undecided'; why: string };

const HOOK_NAMES = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'];

const asks = (tables: readonly Table[], kind: string): boolean =>
  tables.some(({ chains }) => chains.some(({ rules }) => rules.some(({ body }) => body.some((s) => s.kind === kind))));

/**
 * Packets on devices that there can be, without ICMP of the other family; fragments count only where a rule asks for them, as they are put
 * together before.
 */
function counting(space: PacketSpace, tables: readonly Table[]): PacketSet {
  const devices = PacketSet.onDevices(space).difference(PacketSet.strayIcmp(space));
  return asks(tables, 'fragment') ? devices : devices.intersection(PacketSet.unfragmented(space));
}

const targets = ({ body }: Rule): string[] =>
  body.flatMap((s) => (s.kind === 'jump' || s.kind === 'goto' ? [s.chain] : []));

/** Chains that no base chain leads to. */
function unreached({ chains }: Table): string[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const rule of byName.get(name)?.rules ?? []) for (const to of targets(rule)) visit(to);
  };
  for (const { name, hook } of chains) if (hook) visit(name);
  return chains.filter(({ name }) => !seen.has(name)).map(({ name }) => name);
}

const stageName = (stage: Stage | undefined): string =>
  stage ? `${HOOK_NAMES[stage.hook] ?? stage.hook}, ${stage.position}` : 'a chain';

/** Groups of families whose chains run for the same packets. */
const GROUPS: readonly (readonly Table['family'][])[] = [['ip', 'ip6', 'inet'], ['bridge'], ['arp']];

interface Pair {
  one: readonly Table[];
  other: readonly Table[];
  /** Name of a chain of `one` -> of `other`, where it is another. */
  names: (table: Table, chain: string) => string;
}

function compare({ one, other, names }: Pair): Proof {
  let chains = 0;
  for (const families of GROUPS) {
    const [left, right] = [one, other].map((tables) => tables.filter(({ family }) => families.includes(family)));
    if (!left || !right || left.length + right.length === 0) continue;
    const space = new PacketSpace();
    const among = counting(space, left);
    const difference = rulesetDifference(space, { tables: left }, { tables: right }, among);
    if (difference) return { kind: 'differs', where: stageName(difference.stage), difference };
    for (const table of left) {
      const twin = right.find(({ family, name }) => family === table.family && name === table.name);
      const lonely = unreached(table);
      for (const chain of twin ? lonely : []) {
        const to = names(table, chain);
        if (!twin?.chains.some(({ name }) => name === to)) continue;
        const found = differenceOf(decideChain(space, table, chain), decideChain(space, twin, to), among);
        if (found) return { kind: 'differs', where: `${table.family} ${table.name} ${chain}`, difference: found };
      }
      chains += table.chains.length;
    }
  }
  return { kind: 'alike', chains };
}

/** Rules of iptables stand on either side; what their machine keeps as text is compared by its words in nftables. */
export function proveAlike(
  one: readonly Table[],
  other: readonly Table[],
  names: Pair['names'] = (_table, chain) => chain,
): Proof {
  try {
    const inWords = (tables: readonly Table[]) =>
      tables.map((table) => (table.syntax === 'nft' ? table : tableInNftWords(table)));
    return compare({ one: inWords(one), other: inWords(other), names });
  } catch (error) {
    const known = error instanceof RulesError || error instanceof AlgebraLimitError || error instanceof NotTranslated;
    if (known) return { kind: 'undecided', why: error.message };
    throw error;
  }
}
