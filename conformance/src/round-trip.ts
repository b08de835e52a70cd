// Whatever stands in the suites as the text of one of Linux's tools: read, printed, read again; and what is printed, loaded by the tool itself.
import { Collection } from './round-trip/collect.ts';
import { FORMS } from './round-trip/forms.ts';
import { loadAll, whyNot } from './round-trip/load.ts';
import { Tally } from './round-trip/tally.ts';

const USAGE = `usage: round-trip DIR... [--loads SHARE]

  --loads SHARE   one of so many texts is loaded by the tools themselves; 1 (all) where absent, 0 for none
`;

interface Arguments {
  folders: string[];
  loads: number;
}

function readArguments(args: readonly string[]): Arguments | undefined {
  const at = args.indexOf('--loads');
  const share = at < 0 ? '1' : (args[at + 1] ?? '');
  const folders = at < 0 ? [...args] : args.toSpliced(at, 2);
  if (folders.length === 0 || !/^\d+$/.test(share) || folders.some((folder) => folder.startsWith('-')))
    return undefined;
  return { folders, loads: Number(share) };
}

function main(given: readonly string[]): number {
  const args = readArguments(given);
  if (!args) {
    process.stderr.write(USAGE);
    return 2;
  }
  const { folders, loads } = args;
  const collection = new Collection();
  for (const folder of folders) collection.folder(folder.replace(/\/+$/, ''));
  const tally = new Tally();
  const found = [...collection.found.values()];
  for (const { kind, text, file } of found) {
    const trip = FORMS[kind]?.(text);
    if (trip) tally.count(`read, printed, read: ${kind}`, file, trip.wrong, trip.named);
  }
  const reason = loads === 0 ? 'not asked' : whyNot();
  const required = process.env.PODWIRE_REQUIRE?.split(',').includes('kernel') === true && loads > 0;
  if (reason !== undefined && required) tally.count('loaded and listed', 'the tools', reason);
  else if (reason !== undefined) tally.note(`nothing was loaded: ${reason}`);
  else
    loadAll(
      found.filter(({ draw }) => draw % loads === 0),
      tally,
    );
  process.stdout.write(tally.text());
  return tally.failed > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
