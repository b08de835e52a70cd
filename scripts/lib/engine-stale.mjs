// Whether the engine's wasm file is older than what it is compiled from.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

/** Newest change at or below a path, in milliseconds. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** AssemblyScript compiles `terms.ts` too: the host and the machine share it. */
export function engineIsStale() {
  const engine = join(root, 'packages', 'engine');
  const wasm = join(engine, 'dist', 'engine.wasm');
  if (!existsSync(wasm)) return true;
  const sources = ['assembly', 'build.mjs', 'src/terms.ts'].map((name) => join(engine, name));
  return Math.max(...sources.map(newest)) > statSync(wasm).mtimeMs;
}
