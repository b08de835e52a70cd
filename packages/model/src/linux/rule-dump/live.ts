/** Tables of iptables or ip6tables while its commands change them: what a program that calls the tool leaves behind. */
import type { Rule, Table } from '@podwire/engine';
import { type IpFamily, splitShellWords } from '../iptables/index.ts';
import { command, verbOf } from './commands.ts';
import { printDump } from './print.ts';
import { finishTable, type OpenTable } from './reading.ts';
import type { DumpTool } from './tool.ts';
import { iptables } from './tools.ts';

/** The tool said no. */
export class IptablesRefusal extends Error {
  /** It did not understand its arguments; else there is nothing such, or the kernel refused. */
  readonly isUsage: boolean;

  constructor(message: string, isUsage = false) {
    super(message);
    this.isUsage = isUsage;
  }
}

const NOT_UNDERSTOOD = 'rule not understood: ';

/** Commands after which the tables of the tool are as they were. */
const READS_ONLY = new Set(['-L', '-S', '-C']);

const noPlace = (): void => undefined;

export class LiveIptables {
  readonly #tool: DumpTool;
  readonly #tables = new Map<string, OpenTable>();
  #finished: Table[] | undefined;

  constructor(family: IpFamily) {
    this.#tool = iptables[family];
  }

  /** `iptables`, `ip6tables`. */
  get name(): string {
    return this.#tool.name;
  }

  /** `ensure` makes a table with its built-in chains, as iptables-nft does before the first change. */
  #table(name: string, ensure: boolean): OpenTable {
    const found = this.#tables.get(name);
    if (found) return found;
    const builtin = this.#tool.chains(name);
    if (builtin.length === 0)
      throw new IptablesRefusal(`can't initialize ${this.#tool.name} table \`${name}': Table does not exist`);
    const chains = new Map(builtin.map((chain) => [chain, { name: chain, policy: 'ACCEPT', rules: [] as Rule[] }]));
    const made: OpenTable = {
      tool: this.#tool,
      name,
      backend: 'nft',
      chains,
      listed: new Set(),
      isCut: false,
      place: noPlace,
    };
    if (ensure) this.#tables.set(name, made);
    return made;
  }

  /** The kernel keeps a chain that rules lead to. */
  #refuseUsed(name: string, chain: string | undefined): void {
    const table = chain === undefined ? undefined : this.#tables.get(name);
    const leads = (rule: Rule) =>
      rule.body.some((one) => (one.kind === 'jump' || one.kind === 'goto') && one.chain === chain);
    if ([...(table?.chains.values() ?? [])].some(({ rules }) => rules.some(leads)))
      throw new IptablesRefusal(`CHAIN_DEL failed (Device or resource busy): chain ${chain}`);
  }

  /** One call: `-t nat -A POSTROUTING -j MASQUERADE`. Throws `IptablesRefusal`. */
  run(call: string | readonly string[]): void {
    const words = typeof call === 'string' ? splitShellWords(call) : [...call];
    if (!words) throw new IptablesRefusal('a quotation mark is not closed');
    const at = words.findIndex((word) => word === '-t' || word === '--table');
    const table = at < 0 ? 'filter' : (words[at + 1] ?? '');
    const own = at < 0 ? words : words.toSpliced(at, 2);
    const verb = own.map(verbOf).find((one) => one !== undefined);
    if (verb === '-X') this.#refuseUsed(table, own[own.findIndex((word) => verbOf(word) === '-X') + 1]);
    const fault = command(this.#table(table, !READS_ONLY.has(verb ?? '')), own, undefined);
    if (fault)
      throw new IptablesRefusal(fault.message.replace(NOT_UNDERSTOOD, ''), fault.message.startsWith(NOT_UNDERSTOOD));
    if (!READS_ONLY.has(verb ?? '')) this.#finished = undefined;
  }

  /** Did the tool take it? What it refuses changes nothing. */
  try(call: string | readonly string[]): boolean {
    try {
      this.run(call);
      return true;
    } catch (error) {
      if (error instanceof IptablesRefusal) return false;
      throw error;
    }
  }

  /** What `iptables-save` printed takes the place of what was there. */
  restore(text: string): void {
    let table = '';
    for (const line of text.split('\n')) {
      const [, opened] = /^\*(\S+)/.exec(line) ?? [];
      const [, chain = '', policy = ''] = /^:(\S+) (\S+)/.exec(line) ?? [];
      if (opened !== undefined) {
        table = opened;
        this.#tables.delete(table);
      } else if (chain !== '') this.run(['-t', table, ...(policy === '-' ? ['-N', chain] : ['-P', chain, policy])]);
      else if (line.startsWith('-')) this.run(`-t ${table} ${line}`);
    }
  }

  /** Takes away the rules of a chain that end in `-j TARGET`. */
  deleteJumps(table: string, chain: string, target: string): void {
    const found = this.#tables.get(table)?.chains.get(chain);
    if (!found) return;
    found.rules = found.rules.filter((rule) => !this.#tool.print(rule).endsWith(`-j ${target}`));
    this.#finished = undefined;
  }

  hasChain(table: string, chain: string): boolean {
    return this.#tables.get(table)?.chains.has(chain) ?? false;
  }

  /** Rules of a chain as they stand behind `-A CHAIN`; undefined where there is no such chain. */
  rules(table: string, chain: string): string[] | undefined {
    return this.#tables
      .get(table)
      ?.chains.get(chain)
      ?.rules.map((rule) => this.#tool.print(rule));
  }

  chains(table: string): string[] {
    return [...(this.#tables.get(table)?.chains.keys() ?? [])];
  }

  /** For the machine. */
  tables(): readonly Table[] {
    this.#finished ??= [...this.#tables.values()].map(finishTable);
    return this.#finished;
  }

  /** As `iptables-save` prints it: tables and chains of the user's own by name. */
  save(): string {
    return [...this.tables()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((table) => {
        const builtin = this.#tool.chains(table.name);
        const own = table.chains.filter(({ name }) => !builtin.includes(name));
        const sorted = own.toSorted((a, b) => (a.name < b.name ? -1 : 1));
        const first = table.chains.filter(({ name }) => builtin.includes(name));
        return printDump({ ...table, chains: [...first, ...sorted] }, this.#tool, {});
      })
      .join('');
  }
}
