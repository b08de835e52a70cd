/** `doctor`: what cannot work, over the whole input and without a question. */
import { API_VERSION, type ObjectRef } from '../answer/answer.ts';
import type { Session } from '../answer/session.ts';
import type { Problem } from '../problem.ts';
import type { DoctorAnswer, Finding, Rank } from './answer.ts';
import { checkIpvs } from './ipvs.ts';
import { type Check, Looking } from './look.ts';
import { checkNodes, checkOverlay } from './nodes.ts';
import { checkRanges } from './ranges.ts';
import { checkReferences } from './references.ts';
import { checkServices } from './services.ts';

const CHECKS: readonly Check[] = [checkServices, checkReferences, checkRanges, checkNodes, checkOverlay, checkIpvs];

const RANKS: readonly Rank[] = ['broken', 'suspect', 'note'];

/** Problems of the input that the checks tell in more words. */
/** Inputs may hold variants side by side. */
const NOTED = new Set(['duplicate-object']);
const TOLD = new Set(['selector-matches-nothing', 'target-port-name', 'nothing-to-ask']);
const RANK_OF: Readonly<Record<Problem['severity'], Rank>> = { error: 'broken', warning: 'suspect', info: 'note' };

/** `Service shop/api` */
function refOf({ object, field, file, line }: Problem): ObjectRef | undefined {
  const [kind, whole] = object?.split(' ') ?? [];
  if (kind === undefined || whole === undefined) return undefined;
  const [namespace, name] = whole.includes('/') ? whole.split('/') : [undefined, whole];
  return {
    kind,
    ...(namespace !== undefined && { namespace }),
    name: name as string,
    ...(field !== undefined && { field }),
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
  };
}

/** Where no object can be named, the file is. */
function placeOf({ file, line }: Problem): string {
  return file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
}

function findingOf(problem: Problem): Finding {
  const object = refOf(problem);
  const { code, message, mend, severity, object: whose } = problem;
  return {
    rank: NOTED.has(code) ? 'note' : RANK_OF[severity],
    code,
    text:
      whose === undefined
        ? `${placeOf(problem)}${message}`
        : message.includes(whose)
          ? message
          : `${whose}: ${message}`,
    ...(mend !== undefined && { mend }),
    ...(object && { object }),
  };
}

function count(findings: readonly Finding[], rank: Rank): number {
  return findings.filter((finding) => finding.rank === rank).length;
}

function summaryOf(findings: readonly Finding[], services: number): string {
  const broken = count(findings, 'broken');
  const suspect = count(findings, 'suspect');
  const looked = `${services} ${services === 1 ? 'Service' : 'Services'}`;
  if (broken + suspect === 0) return `Nothing is broken, as far as the input shows (${looked}).`;
  return `${broken} broken, ${suspect} suspect (${looked}).`;
}

export function doctor(session: Session): DoctorAnswer {
  const looking = new Looking(session);
  const { cluster, read, dumps } = session;
  const problems = [...read.problems, ...cluster.problems].filter(({ code }) => !TOLD.has(code));
  const all = [...CHECKS.flatMap((check) => check(looking)), ...problems.map(findingOf)];
  const findings = RANKS.flatMap((rank) => all.filter((finding) => finding.rank === rank));
  return {
    apiVersion: API_VERSION,
    kind: 'Doctor',
    summary: summaryOf(findings, cluster.services.size),
    looked: {
      services: cluster.services.size,
      references: looking.references,
      nodeDumps: dumps.nodes.length + dumps.pods.length,
    },
    findings,
  };
}
