// Build the library: one module, dependencies left as imports.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/lib/bundle.mjs';

await bundle({
  folder: dirname(fileURLToPath(import.meta.url)),
  platform: 'neutral',
  entries: { index: 'src/index.ts' },
  options: { packages: 'external' },
});
