/** Real troubles with a stated cause: `why` is asked about the files before and after the mend. */
import type { Machine } from '@podwire/engine';
import { openNode, openSession, type Question, splitDumps, type WhyAnswer, why } from '@podwire/model';
import { createMachine } from '../lab/machine.ts';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';

interface TroubleFile {
  path: string;
  /** null: the mend takes the file away. */
  text: string | null;
}

interface TroubleCase {
  id: string;
  files: TroubleFile[];
  question: {
    from: string;
    to: string;
    protocol?: string;
    port?: number;
    destinationIP?: string;
    sourceIP?: string;
    size?: number;
    http?: unknown;
  };
  expect: {
    verdict: string;
    alsoAccept?: string[];
    where: string;
    alsoWhere?: string[];
    blame: { object: string; field: string } | { setting: string } | null;
    mendedFiles?: TroubleFile[];
  };
}

/** Links of the chain that wait for policies, Ingress and Gateway. */
const LATER = new Set(['policy', 'ingress', 'gateway']);

let machine: Promise<Machine> | undefined;
const encoder = new TextEncoder();

function fromOf({ from, sourceIP }: TroubleCase['question']): string {
  return from === 'external' && sourceIP !== undefined ? `external:${sourceIP}` : from;
}

function toOf({ to, destinationIP }: TroubleCase['question']): string {
  if (to === 'external' && destinationIP !== undefined) return `external:${destinationIP}`;
  if (destinationIP !== undefined) return destinationIP;
  return to.startsWith('ip:') ? to.slice('ip:'.length) : to;
}

function questionOf(asked: TroubleCase['question']): Question {
  const to = toOf(asked);
  const needsPort = asked.port !== undefined && !/:\d+$/.test(to) && !to.startsWith('dns:');
  return {
    from: fromOf(asked),
    to,
    ...(asked.protocol !== undefined && { protocol: asked.protocol.toLowerCase() as 'tcp' | 'udp' | 'sctp' }),
    ...(asked.size !== undefined && { size: asked.size }),
    ...(needsPort && { port: asked.port as number }),
  };
}

async function ask(files: readonly TroubleFile[], question: TroubleCase['question']): Promise<WhyAnswer> {
  machine ??= Promise.resolve(createMachine('wasm'));
  const split = splitDumps(
    files.flatMap(({ path, text }) => (text === null ? [] : [{ name: path, bytes: encoder.encode(text) }])),
  );
  const dumps = await Promise.all([...split.nodes].map(([name, own]) => openNode(name, own)));
  const podDumps = await Promise.all(
    [...split.pods].map(async ([pod, own]) => ({ pod, dump: await openNode(pod, own) })),
  );
  const manifests = split.files.filter(({ name }) => /\.(ya?ml|json)$/.test(name));
  const session = await openSession({ files: manifests, dumps, podDumps, machine });
  return why(session, questionOf(question));
}

function afterMend({ files, expect }: TroubleCase): TroubleFile[] {
  const mended = new Map((expect.mendedFiles ?? []).map((file) => [file.path, file]));
  const kept = files.filter(({ path }) => !mended.has(path));
  return [...kept, ...mended.values()];
}

/** Words that every setting may have. */
const COMMON = new Set(
  'on of the and for no rule rules policy mode node nodes pod pods listener ports interfaces missing network plugin over to traffic kube proxy'.split(
    ' ',
  ),
);

/** The word that tells a setting from others: its name with dots, its flag; else any uncommon word. */
function distinguishing(setting: string, names: ReadonlySet<string>): string[] {
  const words = setting.split(/[\s,():;=]+/).filter((word) => word !== '' && !names.has(word));
  const strong = words.filter((word) => /^--|\..*\./.test(word)).map((word) => flagName(word));
  if (strong.length > 0) return strong;
  return words.filter((word) => !COMMON.has(word.toLowerCase()) && word.length > 2);
}

/** The kubelet takes flags with `_` and with `-`. */
function flagName(word: string): string {
  return word.startsWith('--') ? word.replaceAll('_', '-') : word;
}

function namesOf(files: readonly TroubleFile[]): Set<string> {
  return new Set(files.flatMap(({ path }) => path.match(/nodes\/([^/]+)\//)?.[1] ?? []));
}

function judgeBlame({ expect, files }: TroubleCase, { fault }: WhyAnswer): Outcome {
  const { blame } = expect;
  if (blame === null) return fault ? fail(`found ${fault.code} where nothing is wrong`) : pass;
  if (!fault) return fail('found no fault');
  const said = JSON.stringify([fault.object, fault.setting, fault.text, fault.mend]);
  if ('object' in blame) {
    const [kind = '', , name = ''] = blame.object.split('/');
    const last =
      blame.field
        .split(/[.[\]"]+/)
        .filter((part) => part !== '')
        .at(-1) ?? '';
    const named = fault.object?.kind === kind && fault.object.name === name;
    return named && said.includes(last) ? pass : fail(`blames ${said} instead of ${blame.object} ${blame.field}`);
  }
  const words = distinguishing(blame.setting, namesOf(files));
  return words.some((word) => said.includes(word)) ? pass : fail(`blames ${said} instead of ${blame.setting}`);
}

function judgeVerdict({ expect }: TroubleCase, { verdict, summary }: WhyAnswer): Outcome {
  const accepted = [expect.verdict, ...(expect.alsoAccept ?? [])];
  if (accepted.includes(verdict)) return pass;
  return fail(
    `${verdict === 'unknown' ? 'honestly unknown' : verdict} instead of ${accepted.join(' or ')}: ${summary}`,
  );
}

function judgeWhere({ expect }: TroubleCase, { fault }: WhyAnswer): Outcome {
  const accepted = [expect.where, ...(expect.alsoWhere ?? [])];
  if (expect.blame === null) return pass;
  return fault && accepted.includes(fault.link)
    ? pass
    : fail(`${fault?.link ?? 'nowhere'} instead of ${accepted.join(' or ')}`);
}

function judgeMended({ verdict, summary }: WhyAnswer): Outcome {
  return verdict === 'delivered' ? pass : fail(`${verdict} after the mend: ${summary}`);
}

function judgeAlarms({ fault, also }: WhyAnswer): Outcome {
  const alarms = [...(fault ? [fault] : []), ...also];
  return alarms.length === 0 ? pass : fail(`false alarm: ${alarms.map(({ code }) => code).join(', ')}`);
}

/** A rate each, never one sum. */
function* casesOf(one: TroubleCase): Generator<SuiteCase> {
  const { id, expect, files, question } = one;
  const later = LATER.has(expect.where) ? skip(`${expect.where} is not judged yet`) : undefined;
  let before: Promise<WhyAnswer> | undefined;
  let after: Promise<WhyAnswer> | undefined;
  const judge = (variant: string, run: () => Promise<Outcome>): SuiteCase => ({
    id,
    variant,
    run: async () => later ?? run(),
  });
  const broken = () => {
    before ??= ask(files, question);
    return before;
  };
  const mended = () => {
    after ??= ask(afterMend(one), question);
    return after;
  };
  yield judge('verdict', async () => judgeVerdict(one, await broken()));
  yield judge('where', async () => judgeWhere(one, await broken()));
  yield judge('blame', async () => judgeBlame(one, await broken()));
  if (!expect.mendedFiles) return;
  yield judge('mended', async () => judgeMended(await mended()));
  yield judge('alarms', async () => judgeAlarms(await mended()));
}

export const trouble: Kind = {
  kind: 'trouble',
  *cases(suite) {
    for (const one of suite.jsonLines<TroubleCase>('cases.jsonl')) yield* casesOf(one);
  },
};
