/** Words, numbers and signs of nft's text. As nft's scanner, the longest match wins, and what is quoted is never a keyword. */
import { NftRefusal } from '../base/refusal.ts';

export type TokenKind = 'word' | 'number' | 'quoted' | 'wildcard' | 'sign' | 'newline' | 'end';

export interface Token {
  kind: TokenKind;
  /** Without quotes or brackets. */
  text: string;
  /** 1-based. */
  line: number;
  /** Of a line's end: what its comment says (`# handle 12`). */
  comment?: string;
  /** White space or the text's start stands before it. */
  spaced: boolean;
}

const SIGN = /==|!=|<=|>=|<<|>>|[,.:;{}[\]()<>^&|!/\-*@$=+]/y;
const WORD = /8021ad|8021q|[a-zA-Z_.][a-zA-Z0-9/\-_.]*/y;
const WILDCARD = /[a-zA-Z_.][a-zA-Z0-9/\-_.]*(?:\\\*[a-zA-Z_.][a-zA-Z0-9/\-_.]*|\\?\*)|\\\*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|[0-9]+/y;
const TIME = /(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?/y;
const CLASSID = /[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}(?=[ \t\n:\-},]|$)/y;
const IPV4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/y;
const ETHER = /[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}/y;
const IPV6_START = /\[?[0-9a-fA-F]{0,4}:/y;
const IPV6 = /[0-9a-fA-F:]{2,40}(?:\.\d{1,3}\.\d{1,3}\.\d{1,3})?/y;

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function isIpv6(text: string): boolean {
  const gap = text.indexOf('::');
  if (gap >= 0 && text.includes('::', gap + 1)) return false;
  const dotted = text.includes('.');
  if (dotted) return /^::(?:[fF]{4}:)?\d{1,3}(?:\.\d{1,3}){3}$/.test(text);
  const halves = gap < 0 ? [text] : [text.slice(0, gap), text.slice(gap + 2)];
  let groups = 0;
  for (const half of halves) {
    if (half === '') continue;
    const parts = half.split(':');
    if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return false;
    groups += parts.length;
  }
  return gap < 0 ? groups === 8 : groups <= 7;
}

/** The longest IPv6 address that starts here. */
function ipv6At(text: string, at: number): string {
  if (matchAt(IPV6_START, text, at) === '') return '';
  let candidate = matchAt(IPV6, text, at);
  while (candidate.length > 1) {
    if (isIpv6(candidate)) return candidate;
    candidate = candidate.slice(0, -1);
  }
  return '';
}

function addressAt(text: string, at: number): string {
  const found = [matchAt(ETHER, text, at), matchAt(IPV4, text, at), ipv6At(text, at)];
  return found.reduce((longest, next) => (next.length > longest.length ? next : longest));
}

interface Match {
  kind: TokenKind;
  text: string;
  length: number;
}

/** What starts at a place that is neither blank nor a comment. */
function scan(text: string, at: number): Match | undefined {
  const first = text[at] as string;
  if (first === '"') {
    const end = text.indexOf('"', at + 1);
    return end < 0 ? undefined : { kind: 'quoted', text: text.slice(at + 1, end), length: end + 1 - at };
  }
  if (first === '[') {
    const inside = ipv6At(text, at + 1);
    if (inside !== '' && text[at + 1 + inside.length] === ']')
      return { kind: 'word', text: inside, length: inside.length + 2 };
  }
  const candidates: (readonly [TokenKind, string])[] = [
    ['sign', matchAt(SIGN, text, at)],
    ['word', /[0-9a-fA-F:]/.test(first) ? addressAt(text, at) : ''],
    ['word', /\d/.test(first) ? matchAt(TIME, text, at) : ''],
    ['number', matchAt(NUMBER, text, at)],
    ['word', /[0-9a-fA-F]/.test(first) ? matchAt(CLASSID, text, at) : ''],
    ['wildcard', matchAt(WILDCARD, text, at)],
    ['word', matchAt(WORD, text, at)],
  ];
  let best: readonly [TokenKind, string] = ['sign', ''];
  for (const candidate of candidates) if (candidate[1].length > best[1].length) best = candidate;
  return best[1] === '' ? undefined : { kind: best[0], text: best[1], length: best[1].length };
}

/**
 * All tokens of a text, closed by `end`. `junk` is told of the first character of a line that starts no token; without it, such a character throws
 * `NftRefusal`.
 */
export function tokenize(source: string, firstLine = 1, junk?: (line: number, text: string) => void): Token[] {
  const text = source.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const tokens: Token[] = [];
  let line = firstLine;
  let at = 0;
  let spaced = true;
  let junkLine = 0;
  let comment: string | undefined;
  while (at < text.length) {
    const char = text[at];
    if (char === ' ' || char === '\t') {
      at++;
      spaced = true;
    } else if (char === '\n') {
      tokens.push({ kind: 'newline', text: '\n', line, spaced, ...(comment === undefined ? {} : { comment }) });
      comment = undefined;
      line++;
      at++;
      spaced = true;
    } else if (char === '\\' && text[at + 1] === '\n') {
      line++;
      at += 2;
      spaced = true;
    } else if (char === '#') {
      const end = text.indexOf('\n', at);
      comment = text.slice(at + 1, end < 0 ? text.length : end).trim();
      at = end < 0 ? text.length : end;
    } else {
      const found = scan(text, at);
      if (!found) {
        if (!junk) throw new NftRefusal(`syntax error, unexpected junk "${text.slice(at, at + 12)}"`, line);
        if (junkLine !== line) junk(line, text.slice(at, at + 1));
        junkLine = line;
        at++;
        continue;
      }
      tokens.push({ kind: found.kind, text: found.text, line, spaced });
      if (found.kind === 'quoted') for (const c of found.text) if (c === '\n') line++;
      at += found.length;
      spaced = false;
    }
  }
  tokens.push({ kind: 'end', text: '', line, spaced: true, ...(comment === undefined ? {} : { comment }) });
  return tokens;
}
