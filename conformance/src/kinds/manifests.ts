import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReadResult, readSources } from '@podwire/model';
import { differences } from '../facts/compare.ts';
import { definitionFacts, objectFacts, partsFacts, perFile, withoutApiVersion } from '../facts/facts.ts';
import { oddFacts, type SetFile } from '../facts/odd.ts';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';

interface ManifestSet {
  name: string;
  facts: Record<string, unknown> & {
    per_file: Record<string, [number, number]>;
    parts_by?: string;
    unreadable_documents?: { file: string; document: number; error: string; line_in_document: number }[];
  };
}

function readSetFile(folder: string, name: string): SetFile {
  const bytes = readFileSync(join(folder, name));
  const text = new TextDecoder().decode(bytes);
  try {
    JSON.parse(text);
    return { name, bytes, text, isJson: true };
  } catch {
    return { name, bytes, text, isJson: false };
  }
}

/** Which document a line stands in, and its number there: a `---` line is the first of its document. */
function placeInFile(text: string, line: number): { document: number; line: number } {
  const lines = text.split('\n').slice(0, line);
  const starts = lines.flatMap((content, index) => (/^---(?:[ \t\r]|$)/.test(content) ? [index + 1] : []));
  return { document: Math.max(starts.length, 1), line: line - (starts.at(-1) ?? 1) + 1 };
}

/** Where the unreadable documents are. The wording of the error is the parser's own and is not compared. */
function unreadable(read: ReadResult, files: readonly SetFile[]): unknown[] {
  return read.problems.flatMap(({ code, file, line }) => {
    const text = files.find(({ name }) => name === file)?.text;
    if (!/-syntax$/.test(code) || text === undefined || line === undefined) return [];
    const place = placeInFile(text, line);
    return [{ file, document: place.document, line_in_document: place.line }];
  });
}

async function judge(folder: string, { facts }: ManifestSet): Promise<Outcome> {
  const names = Object.keys(facts.per_file);
  const files = names.map((name) => readSetFile(folder, name));
  const read = await readSources(files);
  const { services, ...objects } = objectFacts(read.objects, withoutApiVersion(read).length);
  const { parts_by: partsBy, unreadable_documents: expectedUnreadable = [], ...expected } = facts;
  const found = {
    ...definitionFacts(read),
    ...objects,
    ...(partsBy === undefined ? { services } : { parts: partsFacts(read, partsBy) }),
    odd: oddFacts(files, read),
    per_file: perFile(read, names),
    unreadable_documents: unreadable(read, files),
  };
  const wanted = { ...expected, unreadable_documents: expectedUnreadable.map(({ error: _, ...place }) => place) };
  const wrong = differences(wanted, JSON.parse(JSON.stringify(found)));
  return wrong.length === 0 ? pass : fail(`${wrong.length} facts differ: ${wrong.slice(0, 5).join('; ')}`);
}

/** Real input files: one case per set, which passes when every fact counted through podwire's reader equals the set's. */
export const manifests: Kind = {
  kind: 'manifests',
  *cases(suite): Generator<SuiteCase> {
    for (const folder of suite.place.sets ?? []) {
      const set = suite.json<ManifestSet>(join(folder, 'set.json'));
      yield { id: set.name, run: () => judge(join(suite.place.folder, folder), set) };
    }
  },
};
