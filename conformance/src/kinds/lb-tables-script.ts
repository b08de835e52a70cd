/** Plays a script: changes files and objects, and judges what it expects. */
import { fail, type Outcome, pass, skip } from '../runner/contract.ts';
import { firstDifference, firstDifferentLine } from '../runner/difference.ts';
import { Agent } from './lb-tables-agent.ts';
import { type Query, queryTable, splitFlags } from './lb-tables-query.ts';
import { pickColumns, readTable, writeTable } from './lb-tables-text.ts';

export interface Step {
  cmd: string;
  args: string[];
  expectFailure?: boolean;
  line: number;
}

/** Commands that state something, as the suite counts expectations. */
const JUDGING = new Set(['db/cmp', 'db/empty', 'lb/maps-empty', 'cmp', 'grep', 'stdout', 'stderr']);

export function isExpectation({ cmd }: Step): boolean {
  return JUDGING.has(cmd);
}

/** What an unmodelled command would have written cannot be judged. */
const UNKNOWN = Symbol('unknown');

export class Script {
  readonly #agent: Agent;
  readonly #files: Map<string, string | typeof UNKNOWN>;
  #stdout: string | typeof UNKNOWN = '';
  /** A command that we do not play has changed what the tables hold. */
  #lost: string | undefined;

  constructor(nodeName: string, flags: readonly string[], files: Readonly<Record<string, string>>) {
    this.#agent = new Agent(nodeName, flags);
    this.#files = new Map(Object.entries(files));
  }

  /** Undefined for a step that expects nothing. */
  play(step: Step): Outcome | undefined {
    const outcome = this.#play(step);
    if (!isExpectation(step) || !outcome) return undefined;
    if (this.#lost !== undefined) return skip(this.#lost);
    if (!step.expectFailure || outcome.is === 'skip') return outcome;
    return outcome.is === 'fail' ? pass : fail('expected to fail, and did not');
  }

  #play({ cmd, args }: Step): Outcome | undefined {
    switch (cmd) {
      case 'db/cmp':
        return this.#compareTable(args);
      case 'db/empty':
        return this.#empty(args);
      case 'lb/maps-empty':
        return this.#sameLines('', this.#agent.dumpMaps().join('\n'));
      case 'cmp':
        return this.#both(args, (expected, found) => this.#sameLines(expected, found));
      case 'grep':
        return this.#grep(args, (name) => this.#file(name));
      case 'stdout':
        return this.#grep(args, () => this.#stdout);
      case 'stderr':
        return skip('what Cilium writes to standard error is not modelled');
      default:
        this.#change(cmd, args);
        return undefined;
    }
  }

  #change(cmd: string, args: readonly string[]): void {
    const agent = this.#agent;
    const [first = ''] = args;
    switch (cmd) {
      case 'hive':
      case 'hive/start':
        if (cmd === 'hive' && first !== 'start') {
          this.#unknown(cmd, args);
          return;
        }
        agent.start();
        if (agent.stateFile !== undefined && this.#files.has(agent.stateFile))
          this.#write(agent.stateFile, this.#file(agent.stateFile));
        return;
      case 'k8s/add':
      case 'k8s/update':
      case 'k8s/delete':
        agent.change(
          cmd.slice(4) as 'add' | 'update' | 'delete',
          args.map((name) => this.#text(name)),
        );
        return;
      case 'db/insert':
      case 'db/delete':
        if (first !== 'node-addresses') {
          this.#unknown(cmd, args);
          return;
        }
        agent.changeAddresses(
          args.slice(1).map((name) => this.#text(name)),
          cmd === 'db/delete',
        );
        return;
      case 'test/set-node-labels':
        agent.setNodeLabels(Object.fromEntries(args.map((pair) => pair.split(/=(.*)/s, 2) as [string, string])));
        return;
      case 'test/update-backend-health':
        agent.setHealth(first, args[1] ?? '', args[2] === 'true');
        return;
      case 'test/bpfops-reset':
        agent.restart();
        return;
      case 'test/bpfops-summary':
        this.#stdout = agent.summary();
        return;
      case 'lb/maps-snapshot':
        agent.snapshotMaps();
        return;
      case 'lb/maps-restore':
        agent.restoreMaps();
        return;
      case 'lb/prune':
        agent.prune();
        return;
      case 'lb/maps-dump':
        this.#output(
          args[0],
          agent
            .dumpMaps()
            .map((line) => `${line}\n`)
            .join(''),
        );
        return;
      case 'db/show':
      case 'db/list':
      case 'db/get':
      case 'db/prefix':
      case 'db/lowerbound':
        this.#query(cmd.slice(3) as Query, cmd, args);
        return;
      // What these set no table or map shows, or it is done at once here.
      case 'test/set-node-ip':
      case 'test/init-wait':
      case 'db/initialized':
      case 'db':
      case 'sleep':
        return;
      default:
        this.#edit(cmd, args);
        return;
    }
  }

  #edit(cmd: string, args: readonly string[]): void {
    const name = args.at(-1) ?? '';
    switch (cmd) {
      case 'cp':
        for (const from of args.slice(0, -1)) this.#write(name, this.#file(from));
        return;
      case 'mv':
        this.#write(name, this.#file(args[0] ?? ''));
        this.#files.delete(args[0] ?? '');
        return;
      case 'rm':
        for (const gone of args) this.#files.delete(gone);
        return;
      case 'cat':
        this.#stdout = args.map((from) => this.#text(from)).join('');
        return;
      case 'echo':
        this.#stdout = `${args.join(' ')}\n`;
        return;
      case 'replace': {
        let text = this.#text(name);
        for (let index = 0; index + 2 < args.length; index += 2)
          text = text.replaceAll(args[index] ?? '', () => args[index + 1] ?? '');
        this.#write(name, text);
        return;
      }
      case 'sed':
        this.#write(name, this.#text(name).replaceAll(new RegExp(args[0] ?? '', 'gm'), args[1] ?? ''));
        return;
      default:
        this.#unknown(cmd, args);
    }
  }

  /** Whatever it writes stays unknown; a command that changes what the tables show makes all that follows unknown. */
  #unknown(cmd: string, args: readonly string[]): void {
    const { flags } = splitFlags(args);
    const out = flags.o ?? flags.out;
    if (out !== undefined) this.#files.set(out, UNKNOWN);
    else this.#stdout = UNKNOWN;
    if (!/^(metrics|db\/|k8s\/(get|list|summary)|http\/|exec|env|help|stop|wait)/.test(cmd))
      this.#lost ??= `the command ${cmd} is not modelled`;
    if (cmd === 'db/insert' || cmd === 'db/delete')
      this.#lost ??= `${cmd} into other tables than node-addresses is not modelled`;
  }

  #query(query: Query, cmd: string, args: readonly string[]): void {
    const answer = queryTable(this.#agent, query, args);
    if (answer) this.#output(answer.out, writeTable(answer.table));
    else this.#unknown(cmd, args);
  }

  #output(name: string | undefined, text: string): void {
    if (name === undefined) this.#stdout = text;
    else this.#write(name, text);
  }

  #write(name: string, text: string | typeof UNKNOWN): void {
    this.#files.set(name, text);
    if (text !== UNKNOWN) this.#agent.fileChanged(name, text);
  }

  #file(name: string): string | typeof UNKNOWN {
    const text = name === 'stdout' ? this.#stdout : this.#files.get(name.replace(/^\$WORK\//, ''));
    if (text === undefined) throw new Error(`there is no file ${name}`);
    return text;
  }

  #text(name: string): string {
    const text = this.#file(name);
    if (text === UNKNOWN) throw new Error(`what stands in ${name} is not known`);
    return text;
  }

  #compareTable(args: readonly string[]): Outcome {
    const { flags, rest } = splitFlags(args);
    const [name = '', file = ''] = rest;
    const table = this.#agent.table(name);
    if (!table) return skip(`the table ${name} is not modelled`);
    const expected = readTable(this.#text(file));
    if (!expected) return fail(`${file} has no line with the names of columns`);
    const found = pickColumns(table, expected.columns);
    if (!found) return skip(`a column of the table ${name} is not modelled`);
    const { grep } = flags;
    if (grep !== undefined) {
      const kept = new Set(
        writeTable(found)
          .split('\n')
          .slice(1)
          .flatMap((line, row) => (new RegExp(grep).test(line) ? row : [])),
      );
      found.rows = found.rows.filter((_, row) => kept.has(row));
    }
    const difference = firstDifference(expected.rows, found.rows);
    return difference === undefined ? pass : fail(difference);
  }

  #empty(names: readonly string[]): Outcome {
    for (const name of names) {
      const table = this.#agent.table(name);
      if (!table) return skip(`the table ${name} is not modelled`);
      const [row] = table.rows;
      if (row) return fail(`table ${name} still has ${row.join(' ')}`);
    }
    return pass;
  }

  #both(args: readonly string[], judge: (first: string, second: string) => Outcome): Outcome {
    const [first = '', second = ''] = splitFlags(args, ['q']).rest;
    const a = this.#file(first);
    const b = this.#file(second);
    return a === UNKNOWN || b === UNKNOWN ? skip('a file holds what an unmodelled command wrote') : judge(a, b);
  }

  #sameLines(expected: string, found: string): Outcome {
    const difference = firstDifferentLine(expected.trimEnd(), found.trimEnd());
    return difference === undefined ? pass : fail(difference);
  }

  #grep(args: readonly string[], textOf: (name: string) => string | typeof UNKNOWN): Outcome {
    const { flags, rest } = splitFlags(args, ['q']);
    const [pattern = '', name = ''] = rest;
    const text = textOf(name);
    if (text === UNKNOWN) return skip('a file holds what an unmodelled command wrote');
    const found = [...text.matchAll(new RegExp(pattern, 'gm'))].length;
    const { count } = flags;
    if (count !== undefined ? found === Number(count) : found > 0) return pass;
    return fail(`${pattern} is found ${found} times in ${JSON.stringify(text.slice(0, 200))}`);
  }
}
