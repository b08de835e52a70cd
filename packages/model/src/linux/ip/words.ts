/** The words of an `ip` command, taken one by one. */
import { type Family, formatAddress, type IpPrefix, parseAddress, parsePrefix } from '@podwire/engine';
import { IpRefusal, usage } from './refusal.ts';

export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get done(): boolean {
    return this.#at >= this.#words.length;
  }

  peek(): string | undefined {
    return this.#words[this.#at];
  }

  /** The next word; `what` names what is missing where there is none. */
  next(what = 'argument'): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw new IpRefusal(`Command line is not complete. Try option "help" (${what})`);
    this.#at++;
    return word;
  }

  /** Takes the next word if it is one of `words`. */
  take(...words: readonly string[]): boolean {
    const word = this.peek();
    if (word === undefined || !words.includes(word)) return false;
    this.#at++;
    return true;
  }

  /** `base` 0 reads `0x` as hexadecimal. */
  number(what: string, max = 0xffffffff, base: 0 | 16 = 0): number {
    return numberOf(this.next(what), what, max, base);
  }

  address(family?: Family): string {
    return addressOf(this.next('address'), family);
  }
}

export function numberOf(text: string, what: string, max = 0xffffffff, base: 0 | 16 = 0): number {
  const hexadecimal = /^0[xX][0-9a-fA-F]+$/.test(text) || (base === 16 && /^[0-9a-fA-F]+$/.test(text));
  const value = hexadecimal ? Number.parseInt(text, 16) : /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw usage(`argument "${text}" is wrong: invalid "${what}" value`);
  return value;
}

function familyWord(family: Family | undefined): string {
  return family === undefined ? 'inet/inet6' : family === 4 ? 'inet' : 'inet6';
}

export function addressOf(text: string, family?: Family): string {
  const parsed = parseAddress(text);
  if (!parsed || (family !== undefined && parsed.family !== family)) {
    throw usage(`${familyWord(family)} address is expected rather than "${text}".`);
  }
  return formatAddress(parsed);
}

/** `default`, an address (one host), or a prefix; IPv4 may be written short (`10/8`). Host bits are kept. */
export function prefixOf(text: string, family?: Family): IpPrefix {
  if (text === 'default' || text === 'any' || text === 'all') {
    return { family: family ?? 4, words: [0, 0, 0, 0], length: 0 };
  }
  const slash = text.indexOf('/');
  const head = slash < 0 ? text : text.slice(0, slash);
  const full = /^\d+(\.\d+){0,2}$/.test(head) ? [...head.split('.'), '0', '0', '0'].slice(0, 4).join('.') : head;
  const parsed = parsePrefix(slash < 0 ? full : full + text.slice(slash));
  if (!parsed || (family !== undefined && parsed.family !== family)) {
    throw usage(`${familyWord(family)} prefix is expected rather than "${text}".`);
  }
  return parsed;
}
