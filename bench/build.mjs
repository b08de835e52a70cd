// Build the benchmarks: one module for Node.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
await bundle({ folder, platform: 'node', entries: { bench: 'src/bench.ts' } });
copyFileSync(join(folder, '../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
