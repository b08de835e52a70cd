// Vitest's global set-up: tests run packages from their sources, only the engine's wasm file has to be compiled.
import { join } from 'node:path';
import { engineIsStale } from './engine-stale.mjs';
import { root } from './root.mjs';
import { run } from './run.mjs';

export default async function engineBeforeTests() {
  if (!engineIsStale()) return;
  const code = await run(process.execPath, [join(root, 'packages/engine/build.mjs')]);
  if (code !== 0) throw new Error('the engine does not compile');
}
