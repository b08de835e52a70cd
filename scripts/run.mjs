// Run one of the workspace's programs from its sources: `node scripts/run.mjs podwire|conformance|fuzz|fuzz-text|oracle|round-trip|bench [arguments]`.
// The program is bundled anew each time (a fraction of a second), the engine only when its sources changed.
import { join } from 'node:path';
import { engineIsStale } from './lib/engine-stale.mjs';
import { callerFolder, root, toolEnvironment } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

/** name -> [the build script to run first, the program] */
const programs = {
  podwire: ['apps/cli/build.mjs', 'apps/cli/bin/podwire.js'],
  conformance: ['conformance/build.mjs', 'conformance/dist/conformance.js'],
  fuzz: ['conformance/build.mjs', 'conformance/dist/fuzz.js'],
  'fuzz-text': ['conformance/build.mjs', 'conformance/dist/fuzz-text.js'],
  oracle: ['conformance/build.mjs', 'conformance/dist/oracle.js'],
  'round-trip': ['conformance/build.mjs', 'conformance/dist/round-trip.js'],
  bench: ['bench/build.mjs', 'bench/dist/bench.js'],
};

/** Build what the program needs and run it in a folder; returns its exit code. */
export async function runProgram(name, args, cwd) {
  const [buildScript, program] = programs[name];
  const env = toolEnvironment();
  const steps = engineIsStale() ? ['packages/engine/build.mjs', buildScript] : [buildScript];
  for (const step of steps) {
    const code = await run(process.execPath, [join(root, step)], { env, stdio: ['ignore', 2, 2] });
    if (code !== 0) return code;
  }
  return run(process.execPath, ['--enable-source-maps', join(root, program), ...args], { cwd, env });
}

if (process.argv[1]?.endsWith('run.mjs')) {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || !(name in programs)) {
    console.error(`usage: node scripts/run.mjs ${Object.keys(programs).join('|')} [arguments]`);
    process.exit(2);
  }
  await setup();
  process.exitCode = await runProgram(name, args, callerFolder);
}
