/** Words of a command line: how iptables-restore and a shell cut a line, and how iptables-save quotes a word. */

import { Refusal } from './extension.ts';

const BLANK = /[ \t\r\n]/;

/**
 * Cuts a line as iptables-restore does (iptables/xshared.c:add_param_to_argv): only double quotes quote, a backslash escapes inside
 * them only, and the closing quote ends the word. Undefined for an open quote.
 */
export function splitRestoreWords(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    if (BLANK.test(line.charAt(at))) {
      at++;
      continue;
    }
    let word = '';
    while (at < line.length && !BLANK.test(line.charAt(at))) {
      if (line.charAt(at) !== '"') {
        word += line.charAt(at++);
        continue;
      }
      at++;
      while (at < line.length && line.charAt(at) !== '"') {
        if (line.charAt(at) === '\\') at++;
        word += line.charAt(at++);
      }
      if (at >= line.length) return undefined;
      at++;
      break;
    }
    words.push(word);
  }
  return words;
}

/** Cuts a line as a POSIX shell does without expansions: single and double quotes, backslashes. Undefined for an open quote. */
export function splitShellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const c = line.charAt(at);
    if (BLANK.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= '';
    if (c === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word += line.slice(at + 1, end);
      at = end;
    } else if (c === '"') {
      for (at++; line.charAt(at) !== '"'; at++) {
        if (at >= line.length) return undefined;
        if (line.charAt(at) === '\\' && '\\"$`'.includes(line.charAt(at + 1))) at++;
        word += line.charAt(at);
      }
    } else if (c === '\\') {
      word += line.charAt(++at);
    } else {
      word += c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** One word as `iptables-save` writes it (libxtables/xtables.c:xtables_save_string). */
export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_-]+$/.test(word) ? word : `"${word.replace(/["\\']/g, '\\$&')}"`;
}

/**
 * A word as it is, as most names are printed; one that would not be read as one word is quoted all the same, though the tool prints it
 * as it is and cannot read it again.
 */
export function bareWord(word: string): string {
  return /^[^\s"'\\]+$/.test(word) ? word : quoteWord(word);
}

/** The first `length` bytes of a text (UTF-8), never half a character. */
export function cutBytes(text: string, length: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= length) return text;
  return new TextDecoder().decode(bytes.slice(0, length)).replace(/\ufffd+$/, '');
}

/** IFNAMSIZ, the terminating zero included. */
const MAX_INTERFACE = 16;

/** The name of an interface, as it is. */
export function interfaceName(name: string): string {
  if (name.length >= MAX_INTERFACE) {
    throw new Refusal(`interface name \`${name}' must be shorter than ${MAX_INTERFACE} characters`);
  }
  return name;
}

/** net/netfilter/x_tables.c:xt_check_proc_name(), of lists that are files of /proc. */
export function procName(text: string): string {
  if (/^\.{1,2}$|\//.test(text)) {
    throw new Refusal(`Invalid argument: "${text}" can name no file of /proc`);
  }
  return text;
}
