/** Lines that call the tools, as they stand in scripts and behind prompts: `sudo ip6tables -w 5 -t nat -A PREROUTING ...`. */
import { splitShellWords } from '../iptables/base/words.ts';
import { verbOf } from './commands.ts';
import type { Backend } from './reading.ts';

export type ToolName = 'iptables' | 'ip6tables' | 'ebtables' | 'arptables';

export interface ToolCall {
  tool: ToolName;
  backend: Backend | undefined;
  /** `iptables-save` and `iptables-restore` do without words. */
  program: 'save' | 'restore' | 'command';
  /** `-t`. */
  table: string | undefined;
  /** What is left without the options that do not concern the rules. */
  words: string[];
}

/** A command, and how the one before it must have ended for it to be run. */
export interface Step {
  /** Absent for any other program. */
  call: ToolCall | undefined;
  text: string;
  after: 'success' | 'failure' | 'anything';
}

const TOOL = /^(?:\S*\/)?(ip6?tables|ebtables|arptables)(?:-(nft|legacy))?(?:-(save|restore))?$/;
const OPERATORS: ReadonlyMap<string, Step['after']> = new Map([
  ['&&', 'success'],
  ['||', 'failure'],
  [';', 'anything'],
  ['&', 'anything'],
  ['|', 'anything'],
]);
/** So many words may stand before the tool: prompts have blanks. */
const BEFORE_MAX = 8;

/** Only prompts, `sudo` and variables stand before the tool. */
function isLead(words: readonly string[]): boolean {
  if (words.length > BEFORE_MAX) return false;
  const prompt = words.findLastIndex((word) => /[#$%>]$/.test(word));
  return words.slice(prompt + 1).every((word) => word === 'sudo' || word === '+' || /^(-[nEH]|--|\w+=\S*)$/.test(word));
}

/** Takes out `-t TABLE`, `-w`, `-v` and their kind, which do not concern the rule. */
export function takeTable(words: readonly string[]): { table: string | undefined; words: string[] } {
  const left: string[] = [];
  let table: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    if (word === '-t' || word === '--table') {
      if (next === undefined) left.push(word);
      else table = next;
      at++;
    } else if (word.startsWith('--table=')) table = word.slice('--table='.length);
    else if (word === '-w' || word === '--wait' || word === '-W' || word === '--wait-interval') {
      if (/^\d+$/.test(next ?? '')) at++;
    } else if (!/^(-v+|-n|-x|--verbose|--numeric|--exact|--line-numbers|--concurrent|--wait=\d+)$/.test(word)) {
      left.push(word);
    }
    // The text of a comment may look like an option.
    if (/^--?(m|match|comment|log-prefix|nflog-prefix|string|hex-string)$/.test(word) && next !== undefined) {
      left.push(next);
      at++;
    }
  }
  return { table, words: left };
}

function callOf(words: readonly string[]): ToolCall | undefined {
  const at = words.findIndex((word) => TOOL.test(word));
  const m = at < 0 || !isLead(words.slice(0, at)) ? null : TOOL.exec(words[at] ?? '');
  if (!m) return undefined;
  const { table, words: rest } = takeTable(words.slice(at + 1));
  const six = rest.some((word) => word === '-6' || word === '--ipv6');
  return {
    tool: m[1] === 'iptables' && six ? 'ip6tables' : (m[1] as ToolName),
    backend: m[2] as Backend | undefined,
    program: (m[3] as 'save' | 'restore' | undefined) ?? 'command',
    table,
    words: rest.filter((word) => !/^(-4|-6|--ipv4|--ipv6)$/.test(word)),
  };
}

/** Cuts a word off its closing semicolon, and leaves out redirections and comments. */
function plainWords(words: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word.startsWith('#') && out.length > 0) break;
    if (/^\d?&?>{1,2}&?$|^<{1,2}-?$/.test(word)) at++;
    else if (/^\d?&?>{1,2}.|^<{1,2}./.test(word)) continue;
    else if (word.length > 1 && word.endsWith(';')) out.push(word.slice(0, -1), ';');
    else out.push(word);
  }
  return out;
}

/** The calls of one line of a script; undefined where it has none. `steps` is empty for a quotation mark that is not closed. */
export function scriptLine(line: string): { steps: Step[] } | undefined {
  if (!/\b(?:ip6?|eb|arp)tables/.test(line)) return undefined;
  const split = splitShellWords(line);
  if (!split) return { steps: [] };
  const steps: Step[] = [];
  let taken: string[] = [];
  let after: Step['after'] = 'anything';
  const close = () => {
    if (taken.length > 0) steps.push({ call: callOf(taken), text: taken.join(' '), after });
    taken = [];
  };
  for (const word of plainWords(split)) {
    const next = OPERATORS.get(word);
    if (next === undefined) taken.push(word);
    else {
      close();
      after = next;
    }
  }
  close();
  return steps.some(({ call }) => call) ? { steps } : undefined;
}

/** A listing of rules, or of nothing: what follows is the tool's output. */
export function isListing({ program, words }: ToolCall): boolean {
  return program === 'save' || words.some((word) => verbOf(word) === '-S' || verbOf(word) === '-L');
}
