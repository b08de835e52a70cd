/** A place in a list of tokens, and what every part of the reader asks of it. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression } from '../syntax.ts';
import type { Token, TokenKind } from './lexer.ts';

/** Parentheses, sets in sets and blocks may be nested this deep. */
const MAX_DEPTH = 64;
/** Values that variables may stand for in one text: sets of sets of sets grow fast. */
const MAX_EXPANSION = 4_000_000;

export class Cursor {
  private at = 0;
  private depth = 0;
  private expanded = 0;
  private readonly tokens: readonly Token[];
  /** What `$name` stands for (`define`). */
  readonly variables: Map<string, NftExpression>;

  constructor(tokens: readonly Token[], variables = new Map<string, NftExpression>()) {
    this.tokens = tokens;
    this.variables = variables;
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    if (this.at < this.tokens.length - 1) this.at++;
    return token;
  }

  get place(): number {
    return this.at;
  }

  set place(at: number) {
    this.at = at;
  }

  /** The next token is this sign or unquoted word. */
  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === 'sign' || token.kind === 'word');
  }

  isKind(kind: TokenKind, ahead = 0): boolean {
    return this.peek(ahead).kind === kind;
  }

  /** The text of the next token where it is an unquoted word, else nothing. */
  word(ahead = 0): string {
    const token = this.peek(ahead);
    return token.kind === 'word' ? token.text : '';
  }

  accept(...texts: string[]): boolean {
    if (!texts.every((text, index) => this.is(text, index))) return false;
    this.at += texts.length;
    return true;
  }

  expect(text: string): Token {
    return this.is(text) ? this.next() : this.unexpected(`expecting ${text}`);
  }

  /** One of the words, or nothing. */
  acceptOne<T extends string>(texts: readonly T[]): T | undefined {
    const found = texts.find((text) => this.is(text));
    if (found !== undefined) this.next();
    return found;
  }

  number(): number {
    const token = this.peek();
    if (token.kind !== 'number') this.unexpected('expecting a number');
    this.next();
    return numberOf(token.text);
  }

  /** A name, quoted or not. */
  string(): string {
    const token = this.peek();
    if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'wildcard')
      this.unexpected('expecting a string');
    return this.next().text;
  }

  /** Counts what a variable stands for; throws where it is too much. */
  expand(value: NftExpression): void {
    const waiting: unknown[] = [value];
    while (waiting.length > 0) {
      const node = waiting.pop();
      if (++this.expanded > MAX_EXPANSION) throw new NftRefusal('variables expand too far', this.peek().line);
      if (typeof node === 'object' && node !== null) for (const inner of Object.values(node)) waiting.push(inner);
    }
  }

  skipNewlines(): void {
    while (this.isKind('newline')) this.next();
  }

  /** The end of a statement of the script or of a block. */
  atSeparator(): boolean {
    return this.isKind('newline') || this.isKind('end') || this.is(';');
  }

  /** Passes over an item of a block that started at `from`, up to the separator behind it or the block's end. */
  skipItem(from: number): void {
    this.at = from;
    let depth = 0;
    while (!this.isKind('end')) {
      if (this.is('{')) depth++;
      else if (this.is('}')) {
        if (depth === 0) return;
        depth--;
      } else if (depth === 0 && this.atSeparator()) return;
      this.next();
    }
  }

  nested<T>(read: () => T): T {
    if (this.depth >= MAX_DEPTH) throw new NftRefusal('nested too deep', this.peek().line);
    this.depth++;
    try {
      return read();
    } finally {
      this.depth--;
    }
  }

  fail(message: string): never {
    throw new NftRefusal(message, this.peek().line);
  }

  unexpected(hint?: string): never {
    const token = this.peek();
    const met =
      token.kind === 'newline' ? 'newline' : token.kind === 'end' ? 'end of file' : `${token.kind} "${token.text}"`;
    return this.fail(`syntax error, unexpected ${met}${hint === undefined ? '' : `, ${hint}`}`);
  }
}

/** `strtoull` with base 0. */
export function numberOf(text: string): number {
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
}
