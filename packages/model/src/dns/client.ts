/**
 * The questions that a program's resolver asks for a name, in order, until one is answered: glibc's getaddrinfo() (resolv/res_query.c,
 * `__res_context_search()`) and musl's (src/network/lookup_name.c, `name_from_dns_search()`). Both ask for IPv4 and IPv6 addresses at once.
 */
import { absolute } from './names.ts';
import { addressType, type DnsQuestion } from './record.ts';
import type { ResolvConf } from './resolv-conf.ts';
import type { ServerAnswer } from './server.ts';

export type ClientKind = 'glibc' | 'musl';

interface ClientQuestion {
  question: DnsQuestion;
  answer: ServerAnswer;
}

/** One name that was tried. */
export interface Attempt {
  /** Absolute. */
  name: string;
  /** The search path behind it; absent: the name as it was given. */
  search?: string;
  questions: ClientQuestion[];
  /** `found` has addresses; `unknown` may have: nobody here knows the answer. */
  outcome: 'found' | 'no-data' | 'no-name' | 'failed' | 'unknown';
}

export interface Resolution {
  attempts: Attempt[];
  /** Of the attempt that was found, IPv4 first as they were asked for. */
  addresses: string[];
  /** Where `found`, the last one; where `unknown`, the first whose answer would have to be known. */
  decisive?: Attempt;
  /** `no-address`: a name without addresses. `try-again`: a server failed. */
  result: 'found' | 'no-such-name' | 'no-address' | 'try-again' | 'unknown';
}

const NDOTS_MAX = 15;
/** musl leaves a longer line of resolv.conf out. */
const MUSL_LINE_MAX = 255;

export function ndotsOf({ options }: Pick<ResolvConf, 'options'>): number {
  const value = options.map((option) => /^ndots:(\d+)/.exec(option)?.[1]).findLast((digits) => digits !== undefined);
  return value === undefined ? 1 : Math.min(Number(value), NDOTS_MAX);
}

export type Ask = (question: DnsQuestion) => ServerAnswer;

function typesOf(kind: ClientKind, { options }: ResolvConf): string[] {
  return kind === 'glibc' && options.includes('no-aaaa') ? ['A'] : ['A', 'AAAA'];
}

function addressesOf({ answer }: ServerAnswer): string[] {
  return answer.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ rdata }) => rdata);
}

/** glibc takes whichever of both answers has addresses. */
function glibcOutcome(answers: readonly ServerAnswer[]): Attempt['outcome'] {
  if (answers.some((a) => addressesOf(a).length > 0)) return 'found';
  if (answers.some((a) => a.unknown !== undefined)) return 'unknown';
  if (answers.some((a) => a.rcode === 'SERVFAIL' || a.rcode === 'REFUSED')) return 'failed';
  return answers.some((a) => a.rcode === 'NOERROR') ? 'no-data' : 'no-name';
}

/** musl looks at both codes before it looks at any address. */
function muslOutcome(answers: readonly ServerAnswer[]): Attempt['outcome'] {
  if (answers.some((a) => a.rcode === 'SERVFAIL' || a.rcode === 'REFUSED')) return 'failed';
  if (answers.some((a) => a.rcode === 'NXDOMAIN')) return 'no-name';
  if (answers.some((a) => addressesOf(a).length > 0)) return 'found';
  return answers.some((a) => a.unknown !== undefined) ? 'unknown' : 'no-data';
}

interface Candidate {
  name: string;
  search?: string;
}

function joined(name: string, search: string): Candidate {
  const path = search.replace(/^\./, '').replace(/\.$/, '');
  return { name: absolute(path === '' ? name : `${name}.${path}`), search };
}

/** The names to try, in order. */
export function candidatesFor(kind: ClientKind, name: string, conf: ResolvConf): Candidate[] {
  const asIs: Candidate = { name: absolute(name) };
  const dots = name.split('.').length - 1;
  if (name.endsWith('.')) return [asIs];
  const isLong = kind === 'musl' && `search ${conf.searches.join(' ')}`.length >= MUSL_LINE_MAX;
  const searched = isLong ? [] : conf.searches.map((search) => joined(name, search));
  if (dots >= ndotsOf(conf)) return kind === 'musl' ? [asIs] : [asIs, ...searched];
  // A search path that is the root stands for the name as it is.
  const hasRoot = kind === 'glibc' && searched.some((candidate) => candidate.name === asIs.name);
  return hasRoot ? searched : [...searched, asIs];
}

/** Whether nothing more is tried after an attempt. */
function ends(kind: ClientKind, outcome: Attempt['outcome']): boolean {
  if (outcome === 'found') return true;
  return kind === 'musl' && (outcome === 'no-data' || outcome === 'failed');
}

function resultOf(kind: ClientKind, attempts: readonly Attempt[]): Resolution['result'] {
  const outcomes = attempts.map(({ outcome }) => outcome);
  const found = outcomes.indexOf('found');
  const unknown = outcomes.indexOf('unknown');
  if (unknown >= 0) return 'unknown';
  if (found >= 0) return 'found';
  if (kind === 'musl') {
    const last = outcomes.at(-1);
    return last === 'failed' ? 'try-again' : last === 'no-data' ? 'no-address' : 'no-such-name';
  }
  if (outcomes.includes('no-data')) return 'no-address';
  return outcomes.includes('failed') ? 'try-again' : 'no-such-name';
}

/** Asks until an answer ends it. An answer that nobody knows does not end it: what the client would ask after it is shown, too. */
export function resolve(kind: ClientKind, name: string, conf: ResolvConf, ask: Ask): Resolution {
  const attempts: Attempt[] = [];
  for (const candidate of candidatesFor(kind, name, conf)) {
    const questions = typesOf(kind, conf).map((type) => {
      const question: DnsQuestion = { name: candidate.name, type };
      return { question, answer: ask(question) };
    });
    const answers = questions.map(({ answer }) => answer);
    const outcome = kind === 'glibc' ? glibcOutcome(answers) : muslOutcome(answers);
    attempts.push({ ...candidate, questions, outcome });
    if (ends(kind, outcome)) break;
  }
  const result = resultOf(kind, attempts);
  const decisive =
    attempts.find(({ outcome }) => outcome === 'unknown') ?? attempts.find(({ outcome }) => outcome === 'found');
  const found = attempts.find(({ outcome }) => outcome === 'found');
  const addresses = result === 'found' ? (found?.questions ?? []).flatMap(({ answer }) => addressesOf(answer)) : [];
  return {
    attempts,
    addresses: [...new Set(addresses)].filter((address) => addressType(address) !== undefined),
    result,
    ...(decisive && { decisive }),
  };
}
