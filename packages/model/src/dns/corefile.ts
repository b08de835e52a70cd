/** The text of a Corefile: server blocks with their directives (github.com/coredns/caddy, caddyfile). What a directive means is `server-block.ts`'s. */

export interface Directive {
  name: string;
  args: string[];
  /** The lines of its braces, each in words; braces inside them are words too. */
  lines: string[][];
  /** Of the Corefile, from 1. */
  line: number;
}

export interface ServerBlock {
  /** As written: `.:53`, `cluster.local`, `tls://.`. */
  keys: string[];
  directives: Directive[];
  line: number;
}

export interface Corefile {
  blocks: ServerBlock[];
  /** What was not understood, and files that it imports and nobody gave. */
  problems: { line: number; message: string }[];
}

interface Word {
  text: string;
  line: number;
}

/** Words end at blanks; `"` and backticks hold blanks together; `#` at the start of a word hides the rest of the line. */
function split(text: string): Word[] {
  const words: Word[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const c = text[at] as string;
    if (c === '\n') line++;
    if (/\s/.test(c)) at++;
    else if (c === '#') {
      while (at < text.length && text[at] !== '\n') at++;
    } else if (c === '"' || c === '`') {
      const start = line;
      let word = '';
      for (at++; at < text.length && text[at] !== c; at++) {
        if (c === '"' && text[at] === '\\' && text[at + 1] === '"') at++;
        if (text[at] === '\n') line++;
        word += text[at];
      }
      at++;
      words.push({ text: word, line: start });
    } else {
      let word = '';
      while (at < text.length && !/\s/.test(text[at] as string)) word += text[at++];
      words.push({ text: word, line });
    }
  }
  return words;
}

/** Finds what `import` names: the texts of the files that a pattern matches; undefined where nobody knows. */
export type ImportFiles = (pattern: string) => string[] | undefined;

/** Imports inside imports end here, as in a circle. */
const DEPTH_MAX = 10;

class Reader {
  readonly #words: Word[];
  readonly #problems: Corefile['problems'];
  readonly #files: ImportFiles;
  readonly #snippets: Map<string, Directive[]>;
  readonly #depth: number;
  #at = 0;

  constructor(
    text: string,
    files: ImportFiles,
    snippets: Map<string, Directive[]>,
    problems: Corefile['problems'],
    depth: number,
  ) {
    this.#words = split(text);
    this.#files = files;
    this.#snippets = snippets;
    this.#problems = problems;
    this.#depth = depth;
  }

  blocks(): ServerBlock[] {
    const blocks: ServerBlock[] = [];
    while (this.#at < this.#words.length) {
      const first = this.#words[this.#at] as Word;
      if (first.text === 'import') {
        const [, pattern = ''] = this.#restOfLine();
        for (const inner of this.#imported(pattern, first.line)) blocks.push(...inner.blocks());
        continue;
      }
      const keys = this.#keys();
      const directives = this.#directives();
      const snippet = /^\((.+)\)$/.exec(keys[0] ?? '')?.[1];
      if (snippet === undefined) blocks.push({ keys, directives, line: first.line });
      else this.#snippets.set(snippet, directives);
    }
    return blocks;
  }

  /** Words up to the end of the line. */
  #restOfLine(): string[] {
    const { line } = this.#words[this.#at] as Word;
    const found: string[] = [];
    while (this.#words[this.#at]?.line === line) found.push((this.#words[this.#at++] as Word).text);
    return found;
  }

  /** Names before an opening brace; a comma goes on to the next line. Over the brace, if there is one. */
  #keys(): string[] {
    const keys: string[] = [];
    for (;;) {
      const word = this.#words[this.#at++];
      if (word === undefined || word.text === '{') return keys;
      keys.push(word.text.replace(/,$/, ''));
      const next = this.#words[this.#at];
      // A file with one block may do without braces.
      if (next?.line !== word.line && next?.text !== '{' && !word.text.endsWith(',')) return keys;
    }
  }

  #directives(): Directive[] {
    const found: Directive[] = [];
    for (;;) {
      const word = this.#words[this.#at];
      if (word === undefined) return found;
      if (word.text === '}') {
        this.#at++;
        return found;
      }
      const [name = '', ...args] = this.#restOfLine();
      const directive: Directive = { name, args, lines: [], line: word.line };
      if (args.at(-1) === '{') {
        args.pop();
        directive.lines = this.#lines();
      }
      if (name === 'import') found.push(...this.#importedDirectives(args[0] ?? '', word.line));
      else found.push(directive);
    }
  }

  /** Lines up to the brace that ends them. */
  #lines(): string[][] {
    const lines: string[][] = [];
    for (let depth = 1; this.#at < this.#words.length; ) {
      const words = this.#restOfLine();
      for (const word of words) depth += word === '{' ? 1 : word === '}' ? -1 : 0;
      if (depth <= 0) return words.length > 1 ? [...lines, words.slice(0, -1)] : lines;
      lines.push(words);
    }
    return lines;
  }

  #importedDirectives(name: string, line: number): Directive[] {
    return this.#snippets.get(name) ?? this.#imported(name, line).flatMap((reader) => reader.#directives());
  }

  #imported(pattern: string, line: number): Reader[] {
    const texts = this.#depth < DEPTH_MAX ? this.#files(pattern) : undefined;
    if (!texts) this.#problems.push({ line, message: `import ${pattern}: the file is not in the input` });
    return (texts ?? []).map((text) => new Reader(text, this.#files, this.#snippets, this.#problems, this.#depth + 1));
  }
}

/** Never throws: what makes no sense is among the problems. */
export function parseCorefile(text: string, files: ImportFiles = () => undefined): Corefile {
  const problems: Corefile['problems'] = [];
  const plain = text.replaceAll(/\{(?:\$(\w+)|%(\w+)%)\}/g, (whole, dollar, percent) => {
    const line = text.slice(0, text.indexOf(whole)).split('\n').length;
    problems.push({ line, message: `the environment variable ${dollar ?? percent} is not in the input` });
    return '';
  });
  return { blocks: new Reader(plain, files, new Map(), problems, 0).blocks(), problems };
}
