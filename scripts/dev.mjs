// The development commands, each one tool: `node scripts/dev.mjs NAME [arguments for the tool]`.
import { root, toolEnvironment, toolNode } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

const bin = (name) => `node_modules/.bin/${name}`;

/** name -> [program, its fixed arguments] */
export const commands = {
  build: [bin('turbo'), ['run', 'build', '--output-logs=errors-only', '--no-update-notifier']],
  typecheck: [bin('tsc'), ['-b', '--pretty', 'false']],
  unit: [toolNode, ['node_modules/vitest/vitest.mjs', 'run']],
  lint: [bin('biome'), ['check', '--error-on-warnings']],
  format: [bin('biome'), ['check', '--write']],
  unused: [toolNode, ['node_modules/knip/bin/knip.js', '--no-progress']],
};

/** Run one development command at the project's root; returns its exit code. */
export async function dev(name, args = [], options = {}) {
  const [program, fixed] = commands[name];
  const path = typeof program === 'function' ? program() : program;
  return run(path, [...fixed, ...args], { cwd: root, env: toolEnvironment(), ...options });
}

const [name, ...args] = process.argv.slice(2);
if (process.argv[1]?.endsWith('dev.mjs')) {
  if (name === undefined || !(name in commands)) {
    console.error(`usage: node scripts/dev.mjs ${Object.keys(commands).join('|')} [arguments]`);
    process.exit(2);
  }
  await setup();
  process.exitCode = await dev(name, args);
}
