/** The options of an extension that is kept as text. */
import { splitRestoreWords } from './words.ts';

export interface TextOption {
  name: string;
  values: string[];
  not: boolean;
}

/** The name and options of `-m NAME ...`, `-j NAME ...` as iptables prints them. */
export function optionsOf(text: string): { name: string; options: TextOption[] } {
  const [, name = '', ...words] = splitRestoreWords(text) ?? [];
  const options: TextOption[] = [];
  let not = false;
  for (const word of words) {
    if (word === '!') not = true;
    else if (word.startsWith('--')) {
      options.push({ name: word.slice(2), values: [], not });
      not = false;
    } else options.at(-1)?.values.push(word);
  }
  return { name, options };
}

export function firstOf(options: readonly TextOption[], name: string): string | undefined {
  return options.find((option) => option.name === name)?.values[0];
}
