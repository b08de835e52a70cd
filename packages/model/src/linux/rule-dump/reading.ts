/** A dump while it is read: its tables, and what was not understood. */
import type { Chain, Rule, Table } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import type { DumpTool } from './tool.ts';

export type Backend = 'nft' | 'legacy';

export interface OpenChain {
  name: string;
  /** `ACCEPT`, `DROP`, `RETURN`; absent for a chain that has none. */
  policy?: string;
  counters?: Rule['counters'];
  rules: Rule[];
}

export interface OpenTable {
  tool: DumpTool;
  name: string;
  backend: Backend | undefined;
  chains: Map<string, OpenChain>;
  /** Built-in chains whose policy `-P` said. */
  listed: Set<string>;
  /** Its begin is missing. */
  isCut: boolean;
  /** Remembers where these rules stand. */
  place(rules: readonly Rule[]): void;
}

export interface Reading {
  /** Named in problems. */
  file: string | undefined;
  /** Of lines that do not say whose they are. */
  tool: DumpTool;
  backend: Backend | undefined;
  tables: Map<string, OpenTable>;
  /** The table that lines go to which name none, and whether `*table` opened it. */
  table: { open: OpenTable; restored: boolean } | undefined;
  /** The table that a command named whose listing follows. */
  announced: string | undefined;
  problems: Problem[];
  line: number;
  /** 1-based lines. */
  lines: WeakMap<Rule, number>;
  /** Lines of something else, one behind the other. */
  foreign: { line: number; count: number; text: string } | undefined;
  warnsOfLegacy: boolean;
}

/** Why a command cannot be carried out. `code` lacks the tool's name in front. */
export interface Fault {
  code: 'rule' | 'line' | 'chain' | 'unknown-chain' | 'policy' | 'table' | 'cut';
  /** An error unless it says otherwise. */
  severity?: Problem['severity'];
  message: string;
  mend?: string;
}

const SHOWN = 160;

/** A line as a message shows it. */
function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

export function complain(reading: Reading, { code, severity = 'error', message, mend }: Fault): void {
  reading.problems.push({
    severity,
    code: `${reading.tool.code}-${code}`,
    message,
    line: reading.line,
    ...(mend !== undefined && { mend }),
    ...(reading.file !== undefined && { file: reading.file }),
  });
}

export function lineNotUnderstood(line: string): Fault {
  return { code: 'line', message: `line not understood: ${shown(line)}` };
}

/** A line outside of any table that is nobody's command: prompts, other programs' output. */
export function setAside(reading: Reading, text: string): void {
  if (reading.foreign) reading.foreign.count++;
  else reading.foreign = { line: reading.line, count: 1, text };
}

/** Names the lines set aside. */
export function endAside(reading: Reading): void {
  const { foreign, problems, tool, file } = reading;
  if (!foreign) return;
  const { line, count, text } = foreign;
  reading.foreign = undefined;
  problems.push({
    severity: 'warning',
    code: `${tool.code}-foreign`,
    message: `${count === 1 ? 'a line is' : `${count} lines are`} none of ${tool.name}: ${shown(text)}`,
    line,
    ...(file !== undefined && { file }),
  });
}

function keyOf({ family }: DumpTool, backend: Backend | undefined, name: string): string {
  return `${family} ${backend ?? ''} ${name}`;
}

/** The table as far as it was read; a new one where it was not yet met, or `afresh`. */
export function openTable(
  reading: Reading,
  name: string,
  tool: DumpTool = reading.tool,
  backend: Backend | undefined = reading.backend,
  afresh = false,
): OpenTable {
  const key = keyOf(tool, backend, name);
  const found = reading.tables.get(key);
  if (found && !afresh) return found;
  if (tool.chains(name).length === 0) {
    complain(reading, {
      code: 'table',
      message: `table ${shown(name)} is none of ${tool.tables.join(', ')}: its chains hang nowhere`,
    });
  }
  if (found && [...found.chains.values()].some(({ rules }) => rules.length > 0)) {
    reading.problems.push({
      severity: 'info',
      code: `${tool.code}-table-twice`,
      message: `table ${name} of ${tool.name} stands here again and takes the place of the one before`,
      line: reading.line,
      ...(reading.file !== undefined && { file: reading.file }),
    });
  }
  const place = (rules: readonly Rule[]) => {
    for (const rule of rules) reading.lines.set(rule, reading.line);
  };
  const table: OpenTable = { tool, name, backend, chains: new Map(), listed: new Set(), isCut: false, place };
  reading.tables.set(key, table);
  return table;
}

function finishChain({ tool, name: table, backend }: OpenTable, { name, policy, counters, rules }: OpenChain): Chain {
  const hook = tool.hook(table, name, policy === 'DROP' ? 'drop' : 'accept', backend);
  const last = policy === undefined ? undefined : tool.policyRule?.(table, policy, hook !== undefined);
  return {
    name,
    ...(hook && { hook: last ? { ...hook, policy: 'accept' } : hook }),
    rules: last ? [...rules, last] : rules,
    ...(counters && (counters.packets > 0 || counters.bytes > 0) && { counters }),
  };
}

/** A target that is no chain of its table belongs to an extension nobody here knows: what it does is not modelled. */
function settleTargets({ tool, chains }: OpenTable): void {
  for (const { rules } of chains.values()) {
    for (const rule of rules) {
      const at = rule.body.findIndex((s) => s.kind === 'jump' && !chains.has(s.chain));
      const jump = rule.body[at];
      if (jump?.kind === 'jump' && !tool.hasTarget(jump.chain)) {
        rule.body[at] = { kind: 'unmodelled-target', text: `-j ${jump.chain}` };
      }
    }
  }
}

export function finishTable(open: OpenTable): Table {
  settleTargets(open);
  const chains = [...open.chains.values()].map((chain) => finishChain(open, chain));
  return { family: open.tool.family, name: open.name, chains };
}
