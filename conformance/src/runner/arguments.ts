import { parseArgs } from 'node:util';

export interface Arguments {
  folders: string[];
  /** Names of the suites to run; empty: all. */
  suites: string[];
  filter?: string;
  output: 'table' | 'json';
}

export const USAGE = `usage: pnpm conformance DIR... [--suite NAME,...] [--case TEXT] [-o table|json]

Runs every suite at or below the folders. A folder with a suite.json is a suite of the kind that it names,
a folder with a set.json is a manifest set. Exit code 0: nothing failed, 1: something did, 2: usage or no suite.

  --suite NAME,...   only suites of these names
  --case TEXT        only cases whose id contains this text
  -o, --output FORM  table (the default) or json
`;

/** Throws an Error whose message is for the user. */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      suite: { type: 'string', multiple: true },
      case: { type: 'string' },
      output: { type: 'string', short: 'o' },
    },
  });
  if (positionals.length === 0) throw new Error('no suite folder given');
  const output = values.output ?? 'table';
  if (output !== 'table' && output !== 'json') throw new Error(`-o is table or json, not ${output}`);
  const suites = (values.suite ?? []).flatMap((names) => names.split(',')).filter((name) => name !== '');
  return { folders: positionals, suites, output, ...(values.case === undefined ? {} : { filter: values.case }) };
}
