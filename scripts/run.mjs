// Run one of the workspace's programs from its sources: `node scripts/run.mjs podwire|conformance|oracle|bench [arguments]`.
// The program is bundled anew each time (a fraction of a second), the engine only when its sources changed.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { callerFolder, root, toolEnvironment } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

/** name -> [the build script to run first, the program, the Node entry's further arguments] */
const programs = {
  podwire: ['apps/cli/build.mjs', 'apps/cli/bin/podwire.js'],
  conformance: ['conformance/build.mjs', 'conformance/dist/conformance.js'],
  oracle: ['conformance/build.mjs', 'conformance/dist/oracle.js'],
  bench: ['bench/build.mjs', 'bench/dist/bench.js'],
};

/** Newest change below a folder, in milliseconds. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** `terms.ts` counts because AssemblyScript compiles it too. */
function engineIsStale() {
  const engine = join(root, 'packages', 'engine');
  const wasm = join(engine, 'dist', 'engine.wasm');
  if (!existsSync(wasm)) return true;
  const sources = ['assembly', 'build.mjs', 'src/terms.ts'].map((name) => join(engine, name));
  return Math.max(...sources.map(newest)) > statSync(wasm).mtimeMs;
}

/** Build what the program needs and run it in the folder that the user called from; returns its exit code. */
export async function runProgram(name, args) {
  const [buildScript, program] = programs[name];
  const env = toolEnvironment();
  const steps = engineIsStale() ? ['packages/engine/build.mjs', buildScript] : [buildScript];
  for (const step of steps) {
    const code = await run(process.execPath, [join(root, step)], { env, stdio: ['ignore', 2, 2] });
    if (code !== 0) return code;
  }
  return run(process.execPath, ['--enable-source-maps', join(root, program), ...args], { cwd: callerFolder, env });
}

if (process.argv[1]?.endsWith('run.mjs')) {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || !(name in programs)) {
    console.error(`usage: node scripts/run.mjs ${Object.keys(programs).join('|')} [arguments]`);
    process.exit(2);
  }
  await setup();
  process.exitCode = await runProgram(name, args);
}
