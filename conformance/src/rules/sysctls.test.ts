/** Every setting of the network that this kernel has is known by its fate. */
import { spawnSync } from 'node:child_process';
import { fateOf } from '@podwire/model';
import { expect, test } from 'vitest';
import { skipWithoutKernel } from '../lab/lab.fixture.ts';

test('no setting of this kernel is unheard of', (context) => {
  skipWithoutKernel(context);
  const { stdout } = spawnSync('sysctl', ['-aN'], { encoding: 'utf8' });
  const names = stdout.split('\n').filter((name) => name.startsWith('net.'));
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name) => fateOf(name) === undefined)).toEqual([]);
});
