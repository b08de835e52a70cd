/** What is printed, loaded by the tools themselves in network namespaces of their own, and compared with what they list then. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Table } from '@podwire/engine';
import {
  looksLikeNftJson,
  type NftObject,
  nftCommandsJson,
  parseIptablesSave,
  parseNftRuleset,
  printIpsetSave,
  printNftRuleset,
  Ruleset,
  readIpset,
} from '@podwire/model';
import type { Found } from './collect.ts';
import { ipFamily, printedSave } from './forms.ts';
import { ipsetList, nftList, saveList } from './listing.ts';
import { IP_JOBS, isKernelsNo } from './load-ip.ts';
import type { Tally } from './tally.ts';

/** One text for one tool. */
interface Job {
  what: string;
  file: string;
  /** Loads `$1` and lists into `$1.out`; says why not into `$1.err`. */
  script: string;
  text: string;
  /** As the suite has it: what a tool refuses of that it may refuse of ours. Absent for listings that no tool reads. */
  original?: string;
  compare(listing: string): string | undefined;
}

const SETS = new Map<number, string>([
  [1, 'hash:net'],
  [2, 'hash:ip,port'],
  [3, 'hash:ip,port,ip'],
]);

/** Sets that rules look into must be there before: of any type with as many parts. */
function setsFor(tables: readonly Table[], family: 'ip' | 'ip6'): string[] {
  const found = new Map<string, number>();
  for (const { chains } of tables)
    for (const { rules } of chains)
      for (const { body } of rules)
        for (const s of body)
          if (s.kind === 'set' || s.kind === 'set-add' || s.kind === 'set-del') found.set(s.set, s.flags.length);
  const inet = family === 'ip6' ? ' family inet6' : '';
  return [...found].map(([name, parts]) => `create ${name} ${SETS.get(parts) ?? 'hash:net'}${inet}`);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function* iptablesJobs({ text, file }: Found): Generator<Job> {
  const family = ipFamily(text);
  const tables = parseIptablesSave(text, family).tables.filter((table) => table.family === family);
  const printed = printedSave(tables, family);
  const tool = family === 'ip' ? 'iptables' : 'ip6tables';
  const sets = setsFor(tables, family).map((line) => `ipset -exist ${line.split(' ').map(quoted).join(' ')}`);
  for (const backend of ['legacy', 'nft']) {
    const run = `${tool}-${backend}`;
    const script = [...sets, `${run}-restore -c < "$1" && ${run}-save -c > "$1.out"`].join('\n');
    yield {
      what: `loaded and listed: ${run}`,
      file,
      script,
      text: printed,
      original: text,
      compare: (listing) => saveList(printed, listing),
    };
  }
}

/** Rules as nft takes them where it is given the text: other programs' rules may be spelt otherwise in the kernel (a set of one element). */
function taken(objects: readonly NftObject[]): NftObject[] {
  const ruleset = new Ruleset({});
  for (const object of objects) if (!('rule' in object)) ruleset.apply({ add: object });
  return objects.map((object) => ('rule' in object ? { rule: ruleset.tryRule(object.rule) } : object));
}

function* nftJobs({ text, file }: Found): Generator<Job> {
  const { objects } = parseNftRuleset(text);
  const printed = printNftRuleset(objects);
  const json = JSON.stringify(nftCommandsJson(objects));
  const expected = printNftRuleset(taken(objects), { stateless: true });
  const compare = (listing: string) => nftList(expected, listing, looksLikeNftJson(text));
  const list = 'nft -s list ruleset > "$1.out"';
  yield {
    what: 'loaded and listed: nft -f',
    file,
    script: `nft -f "$1" && ${list}`,
    text: printed,
    original: text,
    compare,
  };
  yield {
    what: 'loaded and listed: nft -j -f',
    file,
    script: `nft -j -f "$1" && ${list}`,
    text: json,
    original: text,
    compare: (listing) => nftList(expected, listing, true),
  };
}

function* ipsetJobs({ text, file }: Found): Generator<Job> {
  const printed = printIpsetSave(readIpset(text).sets);
  const script = 'ipset restore < "$1" && ipset save > "$1.out"';
  yield {
    what: 'loaded and listed: ipset',
    file,
    script,
    text: printed,
    original: text,
    compare: (listing) => ipsetList(printed, listing),
  };
}

const JOBS: Readonly<Record<string, (found: Found) => Generator<Job>>> = {
  'iptables-save': iptablesJobs,
  nft: nftJobs,
  ipset: ipsetJobs,
  ...IP_JOBS,
};

/** Why nothing can be loaded here; undefined where it can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs kernel: not root';
  const probe = 'nft list ruleset && iptables-nft -S && ipset list && iptables-legacy -S';
  const tried = spawnSync('unshare', ['-n', 'sh', '-c', probe], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `needs kernel: ${(tried.stderr ?? String(tried.error)).split('\n')[0]}`;
}

/** Tools started at once. */
const SIDES = 2;

const ready = (name: string): string | undefined => {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** The tool's own words, without what they are about. */
function reason(error: string): string {
  const said = error.split('\n').filter((line) => line.trim() !== '' && !/\((?:nf_tables|legacy)\): *$/.test(line));
  return (said[0] ?? 'refused')
    .replace(/\S*\/\S*|['`][^'`]*['`]/g, '...')
    .replace(/\d+/g, 'N')
    .slice(0, 100);
}

/** Each in a fresh namespace; `$1` is the file. */
function runAll(folder: string, scripts: readonly string[]): void {
  const lines = scripts.map(
    (_, i) => `unshare -n sh job-${i}.sh job-${i}.txt 2> job-${i}.txt.err || : > job-${i}.txt.bad`,
  );
  const parts = Array.from({ length: SIDES }, (_, side) => lines.filter((_line, i) => i % SIDES === side).join('\n'));
  const program = `cd ${quoted(folder)}\n${parts.map((part) => `(\n${part}\n:\n) &`).join('\n')}\nwait\n`;
  writeFileSync(join(folder, 'all.sh'), program);
  scripts.forEach((script, i) => {
    writeFileSync(join(folder, `job-${i}.sh`), script);
  });
  spawnSync('sh', [join(folder, 'all.sh')], { stdio: 'ignore' });
}

/** Loads the texts; undefined for those that the tool refused, with what it said. */
function listings(
  folder: string,
  jobs: readonly { script: string; text: string }[],
): { listing?: string; error: string }[] {
  jobs.forEach(({ text }, i) => {
    writeFileSync(join(folder, `job-${i}.txt`), text);
  });
  runAll(
    folder,
    jobs.map(({ script }) => script),
  );
  return jobs.map((_, i) => {
    const at = join(folder, `job-${i}.txt`);
    const listing = ready(`${at}.bad`) === undefined ? ready(`${at}.out`) : undefined;
    return { ...(listing !== undefined && { listing }), error: ready(`${at}.err`) ?? '' };
  });
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'round-trip-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Loads all that is printed of these, and counts. What the tool refuses in the suite's own spelling, too, is skipped with its words. */
export function loadAll(found: readonly Found[], tally: Tally): void {
  const jobs = found.flatMap((one) => [...(JOBS[one.kind]?.(one) ?? [])]);
  const distinct = [...new Map(jobs.map((job) => [`${job.what}\n${job.text}`, job])).values()];
  const loaded = inFolder((folder) => listings(folder, distinct));
  const refused = distinct.flatMap((job, i) =>
    loaded[i]?.listing === undefined ? [{ job, error: loaded[i]?.error ?? '' }] : [],
  );
  const originals = inFolder((folder) =>
    listings(
      folder,
      refused.map(({ job }) => ({ script: job.script, text: job.original ?? '' })),
    ),
  );
  distinct.forEach((job, i) => {
    const listing = loaded[i]?.listing;
    if (listing !== undefined) tally.count(job.what, job.file, job.compare(listing));
  });
  refused.forEach(({ job, error }, i) => {
    if (job.original === undefined && isKernelsNo(error)) tally.skip(job.what, `the kernel says no: ${reason(error)}`);
    else if (job.original !== undefined && originals[i]?.listing === undefined)
      tally.skip(job.what, `refused as the suite has it, too: ${reason(error)}`);
    else tally.count(job.what, job.file, `refused: ${error.split('\n').slice(0, 3).join(' ')}`);
  });
}
