/** Every setting of the network that Linux 6.18 has, and readers of dumps keep, is known by its fate. */
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { fateOf, readSysctls } from '@podwire/model';
import { expect, test } from 'vitest';
import { skipWithoutKernel } from '../lab/lab.fixture.ts';

test('no setting of this kernel is unheard of', (context) => {
  skipWithoutKernel(context);
  context.skip(!release().startsWith('6.18.'), 'another kernel has other settings');
  const { stdout } = spawnSync('sysctl', ['-a'], { encoding: 'utf8' });
  const names = Object.keys(readSysctls(stdout).sysctls);
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name) => fateOf(name) === undefined)).toEqual([]);
});
