/** Makes the tables of nftables of a scenario smaller: tables, rules, statements of rules, then chains and sets that nobody needs. */
import { type NftObject, type NftRule, printNftRuleset } from '@podwire/model';
import { minimise } from '../lab/minimise.ts';
import { readObjects } from './nft-tables.ts';
import type { Scenario } from './scenario.ts';

type Disagrees = (scenario: Scenario) => Promise<boolean>;

const isRule = (object: NftObject): object is { rule: NftRule } => 'rule' in object;

const tableOf = (object: NftObject): string => {
  const [body] = Object.values(object) as { family: string; table?: string; name: string }[];
  return body ? `${body.family} ${'table' in object ? body.name : body.table}` : '';
};

function withObjects(scenario: Scenario, netns: string, objects: readonly NftObject[]): Scenario {
  const { [netns]: _, ...others } = scenario.nft ?? {};
  const { nft: _old, ...rest } = scenario;
  const lines = printNftRuleset(objects).trimEnd().split('\n');
  const nft = objects.length === 0 ? others : { ...others, [netns]: lines };
  return Object.keys(nft).length === 0 ? rest : { ...rest, nft };
}

async function shrinkOne(scenario: Scenario, netns: string, disagrees: Disagrees): Promise<Scenario> {
  let objects = readObjects(scenario.nft?.[netns] ?? []);
  const keep = async (keepable: (object: NftObject) => boolean) => {
    const fixed = new Set(objects.filter((object) => !keepable(object)));
    const rest = await minimise(objects.filter(keepable), (some) => {
      const kept = new Set(some);
      return disagrees(
        withObjects(
          scenario,
          netns,
          objects.filter((o) => fixed.has(o) || kept.has(o)),
        ),
      );
    });
    const kept = new Set(rest);
    objects = objects.filter((object) => fixed.has(object) || kept.has(object));
  };
  const tables = await minimise([...new Set(objects.map(tableOf))], (some) =>
    disagrees(
      withObjects(
        scenario,
        netns,
        objects.filter((object) => some.includes(tableOf(object))),
      ),
    ),
  );
  objects = objects.filter((object) => tables.includes(tableOf(object)));
  // Without these neighbours are not found.
  const isDiscovery = ({ rule }: { rule: NftRule }) => /"nd-neighbor-solicit"|"arp"/.test(JSON.stringify(rule.expr));
  await keep((object) => isRule(object) && !isDiscovery(object));
  for (const [at, object] of objects.entries()) {
    if (!isRule(object) || isDiscovery(object)) continue;
    const replaced = (expr: NftRule['expr']): NftObject[] =>
      objects.map((old, i) => (i === at ? { rule: { ...object.rule, expr } } : old));
    const expr = await minimise(object.rule.expr, (some) =>
      some.length === 0 ? Promise.resolve(false) : disagrees(withObjects(scenario, netns, replaced(some))),
    );
    objects = replaced(expr);
  }
  await keep((object) => !isRule(object) && !('table' in object));
  return withObjects(scenario, netns, objects);
}

export async function shrinkNft(scenario: Scenario, disagrees: Disagrees): Promise<Scenario> {
  let best = scenario;
  for (const netns of Object.keys(scenario.nft ?? {})) {
    const without = withObjects(best, netns, []);
    best = (await disagrees(without)) ? without : await shrinkOne(best, netns, disagrees);
  }
  return best;
}
