/** Completion: the scripts, and the answers to what they ask at each TAB. `@bomb.sh/tab` is used here and nowhere else. */
import { readFileSync, statSync } from 'node:fs';
import tab, { script } from '@bomb.sh/tab';
import createTab from '@bomb.sh/tab/commander';
import { type Directory, openSession, reasonCatalogue, shortKind } from '@podwire/model';
import type { Command } from 'commander';
import type { Streams } from '../shell/streams.ts';

/** A cluster larger than this is not read at a TAB. */
const BYTES_MAX = 32 * 1024 * 1024;

export function printScript(shell: string, name: string, streams: Streams): void {
  const log = console.log;
  // The library prints by console.log alone.
  console.log = (text: string) => streams.out.write(`${text}\n`);
  try {
    script(shell, name, name);
  } finally {
    console.log = log;
  }
}

/** What `-f` names on the line, single files only: folders may be large. */
function filesOn(args: readonly string[]): string[] {
  const files: string[] = [];
  args.forEach((arg, i) => {
    if ((arg === '-f' || arg === '--file') && args[i + 1] !== undefined) files.push(args[i + 1] as string);
    else if (arg.startsWith('--file=')) files.push(arg.slice('--file='.length));
  });
  return files;
}

async function directoryOn(args: readonly string[]): Promise<Directory | undefined> {
  try {
    const files = filesOn(args)
      .filter((path) => statSync(path).isFile() && statSync(path).size <= BYTES_MAX)
      .map((name) => ({ name, bytes: new Uint8Array(readFileSync(name)) }));
    if (files.length === 0) return undefined;
    return (await openSession({ files })).directory;
  } catch {
    // A half-typed path is the usual case; completion never complains.
    return undefined;
  }
}

/** Both ways to write them: `svc/shop/api`, and `shop/web-7d9f` for pods. */
function references(directory: Directory): string[] {
  return directory.all().flatMap(({ kind, namespace, name }) => {
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    return kind === 'Pod' ? [`pod/${key}`, key] : [`${shortKind(kind)}/${key}`];
  });
}

/** Answers `complete -- WORDS`. */
export async function complete(program: Command, args: readonly string[]): Promise<void> {
  const words = args[0] === '--' ? args.slice(1) : [...args];
  const root = createTab(program, { completionCommandName: 'completion-script' });
  const directory = await directoryOn(words);
  for (const name of ['trace', 'why']) {
    const command = root.commands.get(name);
    if (!directory || !command) continue;
    const all = references(directory);
    for (const argument of command.arguments.values()) {
      argument.handler = (reply) => {
        for (const reference of [...all, 'external']) reply(reference, '');
      };
    }
  }
  for (const name of ['dns', 'env', 'pod']) {
    const pod = root.commands.get(name)?.arguments.get('pod');
    if (!directory || !pod) continue;
    pod.handler = (reply) => {
      for (const reference of references(directory)) if (!/^(svc|node)\//.test(reference)) reply(reference, '');
    };
  }
  const rules = root.commands.get('rules')?.arguments.get('node');
  if (rules && directory) {
    rules.handler = (reply) => {
      for (const { kind, name } of directory.all()) if (kind === 'Node') reply(name, 'node');
    };
  }
  const reason = root.commands.get('explain')?.arguments.get('reason');
  if (reason) {
    reason.handler = (reply) => {
      for (const { code, meaning } of reasonCatalogue()) reply(code, meaning);
    };
  }
  tab.parse(words);
}
