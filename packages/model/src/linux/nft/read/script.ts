/** Scripts of `nft -f` and listings of `nft list ruleset`: commands in order (nft(8)). */
import { NftRefusal } from '../base/refusal.ts';
import type {
  NftCommand,
  NftElement,
  NftExpression,
  NftFamily,
  NftObject,
  NftReference,
  NftReferenceKind,
  NftRule,
} from '../syntax.ts';
import { guarded, handleOf, type ReadContext, readItems } from './context.ts';
import { Cursor } from './cursor.ts';
import { tokenize } from './lexer.ts';
import { acceptObjectKind, readObject } from './object-block.ts';
import { flagList, type Place, readChainBlock, readFlowtableBlock, readSetBlock } from './set-block.ts';
import { readRuleBody } from './statement.ts';
import { readElements, readRightSide, readSet } from './values.ts';

const FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'] as const;

export interface ScriptProblem {
  line: number;
  message: string;
}

export interface ScriptOptions {
  /** Told of each line that is not understood; the rest is still read. Without it the first one throws `NftRefusal`. */
  problem?: (problem: ScriptProblem) => void;
}

export interface ReadScript {
  commands: NftCommand[];
  /** 1-based line where an object's body was read. */
  lineOf(body: object): number | undefined;
}

type Verb = 'add' | 'create';

class ScriptReader {
  readonly commands: NftCommand[] = [];
  readonly lines = new WeakMap<object, number>();
  private readonly context: ReadContext;
  private readonly at: Cursor;

  constructor(text: string, problem: ((problem: ScriptProblem) => void) | undefined) {
    const tell = problem && ((line: number, message: string): void => problem({ line, message }));
    const tokens = tokenize(text, 1, tell && ((line, junk) => tell(line, `syntax error, unexpected junk "${junk}"`)));
    this.at = new Cursor(tokens);
    this.context = {
      at: this.at,
      lines: this.lines,
      add: (object, line) => this.add('add', object, line),
      ...(tell ? { problem: tell } : {}),
    };
  }

  private add(verb: Verb, object: NftObject, line: number): void {
    const body = Object.values(object)[0];
    if (typeof body === 'object' && body !== null) this.lines.set(body, line);
    this.commands.push(verb === 'create' ? { create: object } : { add: object });
  }

  read(): void {
    const { at } = this;
    while (!at.isKind('end')) {
      if (at.isKind('newline') || at.is(';')) {
        at.next();
        continue;
      }
      const before = at.place;
      guarded(this.context, () => {
        this.command();
        if (!at.atSeparator()) at.unexpected();
      });
      // A block's end without a block stopped it: told once for all that follow each other.
      if (at.place === before) while (at.is('}')) at.next();
    }
  }

  private command(): void {
    const { at } = this;
    if (this.common()) return;
    const verb = at.acceptOne(['add', 'create', 'insert', 'replace', 'delete', 'destroy', 'flush', 'rename'] as const);
    if (verb === undefined || verb === 'add' || verb === 'create') this.addition(verb === 'create' ? 'create' : 'add');
    else if (verb === 'insert' || verb === 'replace') this.placedRule(verb);
    else if (verb === 'delete' || verb === 'destroy') this.removal(verb);
    else if (verb === 'flush') this.flush();
    else this.rename();
  }

  /** `include`, `define`, `redefine`, `undefine`: also inside blocks. */
  private common(): boolean {
    const { at } = this;
    if (at.is('include') && at.isKind('quoted', 1)) {
      at.next();
      const file = at.string();
      throw new NftRefusal(`include "${file}" is not read`, at.peek().line);
    }
    if (at.accept('undefine')) {
      if (!at.variables.delete(at.string())) at.fail('undefined symbol');
      return true;
    }
    const define = at.acceptOne(['define', 'redefine'] as const);
    if (define === undefined) return false;
    const name = at.string();
    if (define === 'define' && at.variables.has(name)) at.fail(`redefinition of symbol '${name}'`);
    at.expect('=');
    at.variables.set(name, this.initializer());
    return true;
  }

  private initializer(): NftExpression {
    const { at } = this;
    if (at.accept('-')) return -at.number();
    if (at.is('{')) {
      let ahead = 1;
      while (at.isKind('newline', ahead)) ahead++;
      if (!at.is('}', ahead)) return readSet(at);
      at.place += ahead + 1;
      return { set: [] };
    }
    return readRightSide(at);
  }

  private family(): NftFamily {
    return this.at.acceptOne(FAMILIES) ?? 'ip';
  }

  private place(): Place {
    const family = this.family();
    return { family, table: this.at.string(), name: this.at.string() };
  }

  private addition(verb: Verb): void {
    const { at } = this;
    const { line } = at.peek();
    const start = this.commands.length;
    const object = this.object(verb, line);
    if (!object) return;
    // What stands in a block comes behind the block's own object.
    const inner = this.commands.splice(start);
    this.add(verb, object, line);
    this.commands.push(...inner);
  }

  private object(verb: Verb, line: number): NftObject | undefined {
    const { at } = this;
    if (at.accept('table')) return this.table();
    if (at.accept('chain')) {
      const place = this.place();
      return { chain: at.accept('{') ? readChainBlock(this.context, place, handleOf(at)) : place };
    }
    if (at.accept('element')) {
      const place = this.place();
      return { element: { ...place, elem: readElements(at) } };
    }
    const set = at.acceptOne(['set', 'map'] as const);
    if (set !== undefined) return this.set(set, this.place());
    if (at.accept('flowtable')) return this.flowtable(this.place());
    if (!this.startsRule()) {
      const kind = acceptObjectKind(at);
      if (kind !== undefined) return readObject(this.context, kind, this.place());
    }
    this.rule(verb, line);
    return undefined;
  }

  /** `rule …`, or a rule whose word is left out. */
  private startsRule(): boolean {
    return this.at.is('rule');
  }

  private set(kind: 'set' | 'map', place: Place): NftObject {
    const { at } = this;
    at.expect('{');
    const body = readSetBlock(this.context, kind, place, handleOf(at));
    return 'map' in body ? { map: body } : { set: body };
  }

  private flowtable(place: Place): NftObject {
    const { at } = this;
    at.expect('{');
    return { flowtable: readFlowtableBlock(this.context, place, handleOf(at)) };
  }

  private table(): NftObject {
    const { at } = this;
    const family = this.family();
    const name = at.string();
    if (!at.accept('{')) return { table: { family, name } };
    const table: { flags?: string | string[]; comment?: string } = {};
    const handle = handleOf(at);
    readItems(this.context, () => this.tableItem(family, name, table));
    return { table: { family, name, ...handle, ...table } };
  }

  private tableItem(family: NftFamily, table: string, body: { flags?: string | string[]; comment?: string }): void {
    const { at } = this;
    if (this.common()) return;
    const { line } = at.peek();
    const start = this.commands.length;
    const object = this.inTable(family, table, body);
    if (!object) return;
    const inner = this.commands.splice(start);
    this.add('add', object, line);
    this.commands.push(...inner);
  }

  private inTable(
    family: NftFamily,
    table: string,
    body: { flags?: string | string[]; comment?: string },
  ): NftObject | undefined {
    const { at } = this;
    if (at.accept('flags')) {
      const flags = flagList(at);
      const [first] = flags;
      body.flags = flags.length === 1 && first !== undefined ? first : flags;
      return undefined;
    }
    if (at.accept('comment')) {
      body.comment = at.string();
      return undefined;
    }
    if (at.accept('chain')) {
      const place = { family, table, name: at.string() };
      at.expect('{');
      return { chain: readChainBlock(this.context, place, handleOf(at)) };
    }
    const set = at.acceptOne(['set', 'map', 'meter'] as const);
    if (set === 'meter') {
      const place = { family, table, name: at.string() };
      at.expect('{');
      return { meter: readSetBlock(this.context, 'set', place, handleOf(at)) };
    }
    if (set !== undefined) return this.set(set, { family, table, name: at.string() });
    if (at.accept('flowtable')) return this.flowtable({ family, table, name: at.string() });
    const kind = acceptObjectKind(at);
    if (kind === undefined) return at.unexpected();
    return readObject(this.context, kind, { family, table, name: at.string() });
  }

  private position(): { handle?: number; index?: number } {
    const { at } = this;
    if (at.accept('handle') || at.accept('position')) return { handle: at.number() };
    return at.accept('index') ? { index: at.number() } : {};
  }

  private ruleBody(): NftRule {
    const { at } = this;
    const { family, table, name } = this.place();
    const position = this.position();
    const { expr, comment } = readRuleBody(at);
    if (expr.length === 0) at.unexpected();
    return { family, table, chain: name, ...position, ...(comment === undefined ? {} : { comment }), expr };
  }

  private rule(verb: Verb, line: number): void {
    this.at.accept('rule');
    this.add(verb, { rule: this.ruleBody() }, line);
  }

  private placedRule(verb: 'insert' | 'replace'): void {
    const { line } = this.at.peek();
    this.at.accept('rule');
    const rule = this.ruleBody();
    this.lines.set(rule, line);
    this.commands.push(verb === 'insert' ? { insert: { rule } } : { replace: { rule } });
  }

  private reference(kind: NftReferenceKind): NftReference {
    const { at } = this;
    const family = this.family();
    if (kind === 'table') return at.accept('handle') ? { family, handle: at.number() } : { family, name: at.string() };
    const table = at.string();
    if (kind === 'rule') {
      const chain = at.string();
      at.expect('handle');
      return { family, table, chain, handle: at.number() };
    }
    if (at.accept('handle')) return { family, table, handle: at.number() };
    const name = at.string();
    if (kind !== 'element') return { family, table, name };
    const elem: NftElement[] = readElements(at);
    return { family, table, name, elem };
  }

  private removal(verb: 'delete' | 'destroy'): void {
    const { at } = this;
    const kind: NftReferenceKind | undefined =
      at.acceptOne(['table', 'chain', 'rule', 'set', 'map', 'element', 'flowtable'] as const) ?? acceptObjectKind(at);
    if (kind === undefined) at.unexpected();
    else this.remove(verb, kind);
  }

  private remove(verb: 'delete' | 'destroy', kind: NftReferenceKind): void {
    const what = { [kind]: this.reference(kind) };
    this.commands.push(verb === 'delete' ? { delete: what } : { destroy: what });
  }

  private flush(): void {
    const { at } = this;
    if (at.accept('ruleset')) {
      const family = at.acceptOne(FAMILIES);
      this.commands.push({ flush: { ruleset: family === undefined ? null : { family } } });
      return;
    }
    const kind = at.acceptOne(['table', 'chain', 'set', 'map', 'meter'] as const);
    if (kind === undefined) at.unexpected();
    else this.commands.push({ flush: { [kind]: this.reference(kind) } });
  }

  private rename(): void {
    this.at.expect('chain');
    const place = this.place();
    this.commands.push({ rename: { chain: { ...place, newname: this.at.string() } } });
  }
}

/** Commands of a script or listing, in order. Throws `NftRefusal` for the first line not understood unless problems are told. */
export function readScript(text: string, options: ScriptOptions = {}): ReadScript {
  const reader = new ScriptReader(text, options.problem);
  reader.read();
  return { commands: reader.commands, lineOf: (body) => reader.lines.get(body) };
}

/** Statements of one rule, as after `add rule ip table chain`. Throws `NftRefusal`. */
export function readRule(text: string): { expr: NftRule['expr']; comment?: string } {
  const at = new Cursor(tokenize(text));
  const body = readRuleBody(at);
  while (at.isKind('newline') || at.is(';')) at.next();
  if (!at.isKind('end')) at.unexpected();
  if (body.expr.length === 0) at.unexpected();
  return body;
}
