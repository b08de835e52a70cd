// Build the judges: the runner of suites and the kernel oracle, each one module for Node; the kernel's side is a program beside.
import { copyFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
await bundle({
  folder,
  platform: 'node',
  entries: {
    conformance: 'src/conformance.ts',
    fuzz: 'src/fuzz.ts',
    'fuzz-text': 'src/fuzz-text.ts',
    'fuzz-text-worker': 'src/fuzz-text/worker.ts',
    oracle: 'src/oracle.ts',
    'round-trip': 'src/round-trip.ts',
  },
});
for (const program of readdirSync(join(folder, 'src/lab')).filter((name) => name.endsWith('.py')))
  copyFileSync(join(folder, 'src/lab', program), join(folder, 'dist', program));
copyFileSync(join(folder, '../packages/engine/dist/engine.wasm'), join(folder, 'dist/engine.wasm'));
