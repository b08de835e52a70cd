/** Sets as `ipset save`, `ipset list` and `ipset -o xml` print them, but for what the kernel alone knows (memory, references). */
import type { IpSet, IpSetEntry } from '@podwire/engine';
import { wordsOf } from '../lines.ts';
import { escapeXml } from '../xml.ts';
import { entryWords } from './words.ts';

function entryText(entry: IpSetEntry): string {
  return [entry.value, ...entryWords(entry).flat()].join(' ');
}

/** What stands behind the type; sets of podwire's own making have a family alone. */
function optionsOf({ options, family, type }: IpSet): string {
  if (options !== undefined) return options;
  return type.startsWith('hash:') && type !== 'hash:mac' ? `family ${family ?? 'inet'}` : '';
}

/** `ipset save`: loads with `ipset restore`. Sets that others hold come first, as ipset wants it. */
export function printIpsetSave(sets: readonly IpSet[]): string {
  const ordered = [...sets.filter((s) => s.type !== 'list:set'), ...sets.filter((s) => s.type === 'list:set')];
  return ordered
    .map((set) => {
      const options = optionsOf(set);
      const create = `create ${set.name} ${set.type}${options === '' ? '' : ` ${options}`}\n`;
      return create + set.entries.map((entry) => `add ${set.name} ${entryText(entry)}\n`).join('');
    })
    .join('');
}

/** `ipset list`. */
export function printIpsetList(sets: readonly IpSet[]): string {
  return sets
    .map(
      (set) =>
        `Name: ${set.name}\nType: ${set.type}\nHeader: ${optionsOf(set)}\nNumber of entries: ${set.entries.length}\nMembers:\n` +
        set.entries.map((entry) => `${entryText(entry)}\n`).join(''),
    )
    .join('\n');
}

function tag(name: string, value?: string | number): string {
  return value === undefined ? `<${name}/>` : `<${name}>${escapeXml(String(value))}</${name}>`;
}

/** Words of a header that stand alone. */
const FLAGS = new Set(['counters', 'comment', 'skbinfo', 'forceadd', 'nomatch']);

function headerXml(options: string): string {
  const words = wordsOf(options);
  const tags: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    tags.push(FLAGS.has(word) ? tag(word) : tag(word, words[++i] ?? ''));
  }
  return tags.join('');
}

function memberXml(entry: IpSetEntry): string {
  const words = entryWords(entry).map(([name, value]) => tag(name, value));
  return `<member>${tag('elem', entry.value)}${words.join('')}</member>\n`;
}

/** `ipset list -o xml`. */
export function printIpsetXml(sets: readonly IpSet[]): string {
  const body = sets.map(
    (set) =>
      `<ipset name="${escapeXml(set.name)}">\n<type>${set.type}</type>\n<header>${headerXml(optionsOf(set))}\n` +
      `<numentries>${set.entries.length}</numentries>\n</header>\n<members>\n${set.entries.map(memberXml).join('')}</members>\n</ipset>\n`,
  );
  return `<ipsets>\n${body.join('')}</ipsets>\n`;
}
