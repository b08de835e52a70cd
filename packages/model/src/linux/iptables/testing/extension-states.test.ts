/** The table of `docs/netfilter.md` says what the readers make of each extension. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { extensionStates } from './extension-states.ts';

const page = readFileSync(new URL('../../../../../../docs/netfilter.md', import.meta.url), 'utf8');

/** By `-m NAME` or `-j NAME` the states of its row. */
function documented(heading: string, lead: '-m' | '-j'): Map<string, string[]> {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.flatMap((line) => {
      const [names = '', states = ''] = line.slice(2).split(' | ');
      return [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [`${lead} ${name}`, states.split(', ')] as const);
    }),
  );
}

const rows = new Map([...documented('Matches of iptables', '-m'), ...documented('Targets of iptables', '-j')]);
const states = extensionStates(20261121);

test('every extension has a row', () => {
  expect([...states.keys()].filter((name) => !rows.has(name))).toEqual([]);
});

test('every row has an extension', () => {
  const own = ['-j ACCEPT', '-j DROP', '-j RETURN'];
  expect([...rows.keys()].filter((name) => !states.has(name) && !own.includes(name))).toEqual([]);
});

test.each([...states])('%s is what its row says', (name, met) => {
  expect(met.size).toBeGreaterThan(0);
  expect([...met].filter((state) => !rows.get(name)?.includes(state))).toEqual([]);
});
