/** Every command of the pages that show how to ask, and whether it exits as they say. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const PAGES = ['debug-services', 'ipvs', 'over-time'];

const pages = PAGES.map((name) => {
  const page = readFileSync(`${root}docs/${name}.md`, 'utf8');
  const commands = [...page.matchAll(/^podwire (.*?)\s+# exit (\d)$/gm)].map(([, line = '', code]) => ({
    line,
    code: Number(code),
  }));
  return { name, page, commands };
});

/** As a shell does: what stands between quotes is one word. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

describe.each(pages)('docs/$name.md', ({ page, commands }) => {
  test('every command says how it ends', () => {
    expect(commands.length).toBe(page.match(/^podwire /gm)?.length);
  });

  test.each(commands)('podwire $line', async ({ line, code }) => {
    const words = wordsOf(line).map((word) => (word.startsWith('examples/') ? root + word : word));
    expect((await podwire(...words)).exitCode).toBe(code);
  });
});
