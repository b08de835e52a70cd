import { execFileSync, spawn } from 'node:child_process';
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

  const cluster = ['-f', '../../examples/snapshot/cluster.json'];
  const complete = (...words: string[]) =>
    execFileSync(node, ['bin/podwire.js', 'complete', '--', ...words], { cwd: folder, encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split('\t')[0]);

  test('completes commands, options, values and names of the cluster', () => {
    expect(complete('tr')).toContain('trace');
    expect(complete('trace', '--pro')).toContain('--proto');
    expect(complete('trace', '--proto', '')).toContain('sctp');
    expect(complete('trace', ...cluster, 'svc/photos/f')).toContain('svc/photos/front');
    expect(complete('rules', ...cluster, '')).toContain('alder');
    expect(complete('explain', 'no-end')).toContain('no-endpoints');
    expect(complete('trace', '-f', 'no/such/file.json', 'svc/')).toContain(':4');
  });

  test('a reader that leaves early is no error', async () => {
    const args = [
      'bin/podwire.js',
      'trace',
      'deploy/web',
      'svc/api',
      '-n',
      'shop',
      '-f',
      '../../examples/shop',
      '-o',
      'json',
      '--all',
    ];
    const child = spawn(node, args, { cwd: folder });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: '' });
  });
});
