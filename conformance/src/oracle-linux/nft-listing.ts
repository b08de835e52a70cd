/** What `nft list ruleset` says of the tables that were loaded: the same ruleset as ours, in our words. */
import { type NftObject, parseNftRuleset, printNftRuleset } from '@podwire/model';
import type { Lab } from '../lab/lab.ts';
import { readObjects } from './nft-tables.ts';
import type { Scenario } from './scenario.ts';

const inOrder = (list: readonly unknown[]): unknown[] =>
  list
    .map(sorted)
    .map((item) => [JSON.stringify(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([, item]) => item);

/** An element as it was given: the kernel says how long it has left. */
function withoutEnd({ expires: _, ...elem }: { expires?: unknown; val?: unknown }): unknown {
  return Object.keys(elem).length === 1 && 'val' in elem ? elem.val : { elem };
}

/** Elements of a set stand in the order of the kernel's hashes. */
function sorted(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(sorted);
  if (typeof node !== 'object' || node === null) return node;
  const { elem } = node as { elem?: unknown };
  if (typeof elem === 'object' && elem !== null && 'expires' in elem) return sorted(withoutEnd(elem));
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      (key === 'set' || key === 'elem') && Array.isArray(value) ? inOrder(value) : sorted(value),
    ]),
  );
}

const tableOf = (object: NftObject): string => {
  const [body] = Object.values(object) as { family: string; table?: string; name: string }[];
  return body ? `${body.family} ${'table' in object ? body.name : body.table}` : '';
};

/** Without counts and times that run. */
const textOf = (objects: readonly NftObject[]): string[] =>
  printNftRuleset(
    objects.map((object) => sorted(object) as NftObject),
    { stateless: true },
  ).split('\n');

/** Throws where a ruleset does not read back from its text, or from the kernel's listing. */
export async function checkListings(lab: Lab, { nft = {}, network }: Scenario): Promise<void> {
  for (const { name } of network.netnses) {
    const lines = nft[name];
    if (!lines) continue;
    const objects = readObjects(lines);
    const printed = printNftRuleset(objects);
    compare(name, 'our own text', lines, printed.trimEnd().split('\n'));
    for (const table of objects.flatMap((object) => ('table' in object ? [object.table] : []))) {
      const listing = await lab.output(name, ['nft', 'list', 'table', table.family, table.name]);
      const listed = parseNftRuleset(listing);
      const [problem] = listed.problems;
      if (problem) {
        const line = listing.split('\n')[(problem.line ?? 0) - 1]?.trim();
        throw new Error(`${name}: a listing is not read: ${problem.message}: ${line}`);
      }
      const own = objects.filter((object) => tableOf(object) === `${table.family} ${table.name}`);
      compare(name, "the kernel's listing", textOf(own), textOf(listed.objects));
    }
  }
}

/** nft tests fields that stand side by side in a header at once, past tests that stand between, and lists them in the header's order. */
const inWords = (line: string | undefined) => {
  const text = line?.trimStart() ?? '';
  return line && line.slice(0, line.length - text.length) + text.split(' ').sort().join(' ');
};

function compare(netns: string, what: string, expected: readonly string[], found: readonly string[]): void {
  const at = expected.findIndex((line, i) => inWords(line) !== inWords(found[i]));
  if (at < 0 && expected.length === found.length) return;
  const row = at < 0 ? expected.length : at;
  throw new Error(`${netns}: ${what} differs in line ${row + 1}: ${expected[row]?.trim()} | ${found[row]?.trim()}`);
}
