/** The last column of `docs/netfilter.md`: what the kernel judges is what is drawn here. */
import { readFileSync } from 'node:fs';
import { printIptablesSave } from '@podwire/model';
import { expect, test } from 'vitest';
import { Random } from '../lab/random.ts';
import { generate } from './generate.ts';

const page = readFileSync(new URL('../../../docs/netfilter.md', import.meta.url), 'utf8');

function rows(heading: string, lead: string): [name: string, judge: string][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [, names = '', , , judge = ''] = line.split('|').map((cell) => cell.trim());
      return [...names.matchAll(/`(\w+)`/g)].map(([, name]): [string, string] => [`${lead} ${name}`, judge]);
    });
}

const drawn = new Set<string>();
for (let i = 0; i < 400; i++) {
  const { network } = generate(new Random(`judged/${i}`), 1);
  for (const { netfilter } of network.netnses)
    for (const family of ['ip', 'ip6'] as const)
      for (const [word] of printIptablesSave(netfilter, family).matchAll(/(?<= )-[mj] \w+/g)) drawn.add(word);
}

test.each([...rows('Matches of iptables', '-m'), ...rows('Targets of iptables', '-j')])('%s: %s', (name, judge) => {
  expect(judge).toBe(drawn.has(name) ? 'kernel' : 'documentation');
});
