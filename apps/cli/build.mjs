// Build the command line tool: one module for Node >= 20 that needs no packages, and the engine's file beside it.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
await bundle({ folder, platform: 'node', entries: { main: 'src/main.ts' } });
copyFileSync(join(folder, '../../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
