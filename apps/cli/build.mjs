// Build the command line tool: modules for Node >= 20 that need no packages, and the engine's file beside them. What a command needs is a
// module of its own, loaded when the command is called, so that help and completion come at once.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));

/**
 * Two modules of Node that cost a quarter of the start and are imported for little. No command of ours is a program of its own, so that
 * nothing is ever spawned; and a module that imports `node:process` opens all standard streams, the global of that name does not.
 */
const LIGHT = {
  'node:child_process': 'export default {};',
  'node:process': 'export default globalThis.process;',
};
const lightModules = {
  name: 'light-modules',
  setup(build) {
    const filter = new RegExp(`^(?:${Object.keys(LIGHT).join('|')})$`);
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'light' }));
    build.onLoad({ filter, namespace: 'light' }, ({ path }) => ({ contents: LIGHT[path] }));
  },
};

await bundle({
  folder,
  platform: 'node',
  entries: { main: 'src/main.ts' },
  options: {
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [lightModules],
    // Names stay, for the stack of an error that is reported to us.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
  },
});
copyFileSync(join(folder, '../../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
