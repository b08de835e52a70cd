/** Whole rulesets, from text or JSON, with what was not understood named by place. */

import type { Problem } from '../../problem.ts';
import { NftRefusal } from './base/refusal.ts';
import { Ruleset } from './evaluate/ruleset.ts';
import { ObjectStore } from './objects.ts';
import { readJsonEntry } from './read/json.ts';
import { readScript } from './read/script.ts';
import type { NftCommand, NftObject } from './syntax.ts';

export interface ParseNftOptions {
  file?: string;
  /** Seconds that the node's time is ahead of UTC; 0 where absent. */
  utcOffset?: number;
  /** Rules stay as they were written: no implied operator is decided, nothing is normalised. */
  raw?: boolean;
}

export interface NftRuleset {
  /** As the commands leave them, in the order in which they were made; rules of a chain in their order. */
  objects: NftObject[];
  problems: Problem[];
  /** 1-based line of an object's body (the value of its only key); undefined for JSON. */
  lineOf(body: object): number | undefined;
}

/** JSON of nft? Else it is text. */
export function looksLikeNftJson(text: string): boolean {
  return /^\s*\{\s*"nftables"/.test(text);
}

interface Source {
  commands: { command: NftCommand; line?: number; field?: string }[];
  lineOf(body: object): number | undefined;
}

type Tell = (problem: Omit<Problem, 'file' | 'severity'> & { severity?: Problem['severity'] }) => void;

function fromText(text: string, tell: Tell): Source {
  const script = readScript(text, {
    problem: ({ line, message }) => tell({ code: 'nft-syntax', message, line }),
  });
  const commands = script.commands.map((command) => {
    const line = lineOfCommand(command, script.lineOf);
    return { command, ...(line === undefined ? {} : { line }) };
  });
  return { commands, lineOf: script.lineOf };
}

function lineOfCommand(command: NftCommand, lineOf: (body: object) => number | undefined): number | undefined {
  const inner = Object.values(command)[0];
  const body: unknown = typeof inner === 'object' && inner !== null ? Object.values(inner)[0] : undefined;
  return typeof body === 'object' && body !== null ? lineOf(body) : undefined;
}

function fromJson(text: string, tell: Tell): Source {
  const none: Source = { commands: [], lineOf: () => undefined };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    tell({ code: 'nft-syntax', message: `not JSON: ${error instanceof Error ? error.message : String(error)}` });
    return none;
  }
  const entries = typeof parsed === 'object' && parsed !== null && 'nftables' in parsed ? parsed.nftables : undefined;
  if (!Array.isArray(entries)) {
    tell({ code: 'nft-syntax', message: 'JSON without a list "nftables"' });
    return none;
  }
  const commands: Source['commands'] = [];
  for (const [index, entry] of entries.entries()) {
    const field = `nftables[${index}]`;
    guard(tell, 'nft-syntax', { field }, () => {
      const command = readJsonEntry(entry);
      if (command) commands.push({ command, field });
    });
  }
  return { commands, lineOf: () => undefined };
}

/** Runs something; a refusal becomes a problem. */
function guard(tell: Tell, code: string, place: { line?: number; field?: string }, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof NftRefusal)) throw error;
    tell({ code, message: error.message, ...place });
  }
}

/**
 * Reads a listing (`nft list ruleset`), a script for `nft -f`, or the JSON of either. What is not understood, and what nft would refuse, is
 * a problem with its line; everything else is still read. A rule that nft would refuse stays as it was written. Never throws for input.
 */
export function parseNftRuleset(text: string, options: ParseNftOptions = {}): NftRuleset {
  const problems: Problem[] = [];
  const file = options.file === undefined ? {} : { file: options.file };
  const tell: Tell = (problem) => problems.push({ severity: 'warning', ...problem, ...file });
  const { commands, lineOf } = looksLikeNftJson(text) ? fromJson(text, tell) : fromText(text, tell);
  const ruleset = new Ruleset({ ...options, present: true });
  const store = new ObjectStore({
    rule: (rule) => (options.raw === true ? rule : ruleset.tryRule(rule)),
    elements: (set, elements) => (options.raw === true ? [...elements] : ruleset.tryElements(set, elements)),
  });
  const lines = new WeakMap<object, number>();
  for (const { command, ...place } of prepared(commands)) {
    guard(tell, 'nft-refused', place, () => ruleset.apply(command));
    guard(tell, 'nft-refused', place, () => {
      for (const made of store.apply(command)) {
        if (place.line !== undefined) lines.set(made, place.line);
      }
    });
  }
  return { objects: store.objects(), problems, lineOf: (body) => lines.get(body) ?? lineOf(body) };
}

/** Tables, chains and sets first where a listing names what only stands below (JSON has all rules last already). */
function prepared(commands: Source['commands']): Source['commands'] {
  const isRule = ({ command }: Source['commands'][number]): boolean => 'add' in command && 'rule' in command.add;
  const changes = commands.some(({ command }) => !('add' in command) && !('create' in command));
  return changes ? commands : [...commands.filter((entry) => !isRule(entry)), ...commands.filter(isRule)];
}
