// Build the command line tool: modules for Node >= 20 that need no packages, and the engine's file beside them. What a command needs is a
// module of its own, loaded when the command is called, so that help and completion come at once.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
await bundle({
  folder,
  platform: 'node',
  entries: { main: 'src/main.ts' },
  options: { splitting: true, chunkNames: '[name]-[hash]' },
});
copyFileSync(join(folder, '../../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
