// Build the page: the document, its script, and a module worker that owns the engine. Any static server can serve `dist/`.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
await bundle({
  folder,
  platform: 'browser',
  entries: { page: 'src/page.tsx', worker: 'src/worker.ts' },
  options: {
    jsx: 'automatic',
    minify: true,
    loader: { '.yaml': 'text' },
    define: { 'process.env.NODE_ENV': '"production"' },
  },
});
for (const file of ['index.html', 'page.css']) copyFileSync(join(folder, 'src', file), join(folder, 'dist', file));
copyFileSync(join(folder, '../../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
