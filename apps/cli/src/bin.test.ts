import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** What ships runs on the user's Node (>= 20), not only on the one that runs the tests. */
const nodes = new Set([process.execPath, process.env.PODWIRE_CALLER_NODE ?? process.execPath]);

beforeAll(() => {
  execFileSync(process.execPath, ['build.mjs'], { cwd: folder });
});

describe.each([...nodes])('%s', (node) => {
  test.each([
    ['bin/podwire.js', 'podwire'],
    ['bin/kubectl-podwire.js', 'kubectl podwire'],
  ])('%s calls itself %s in its help', (file, name) => {
    const help = execFileSync(node, [file, '--help'], { cwd: folder, encoding: 'utf8' });
    expect(help).toContain(`${name} `);
  });
});
