/** Every command of docs/debug-services.md, and whether it exits as the page says. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${root}docs/debug-services.md`, 'utf8');
const commands = [...page.matchAll(/^podwire (.*?)\s+# exit (\d)$/gm)].map(([, line = '', code]) => ({
  line,
  code: Number(code),
}));

test('the page has a command for each of its steps', () => {
  expect(commands.length).toBe(page.match(/^podwire /gm)?.length);
});

test.each(commands)('podwire $line', async ({ line, code }) => {
  const words = line.split(' ').map((word) => (word.startsWith('examples/') ? root + word : word));
  expect((await podwire(...words)).exitCode).toBe(code);
});
