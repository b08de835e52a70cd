// Build the engine: AssemblyScript to WebAssembly (release and debug), then the host side by esbuild.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { bundle } from '../../scripts/lib/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));

/** Flags of both targets: no generated bindings (our own loader reads the exports), nothing managed. */
// AS235: classes are exported between our own files, never from the module.
const shared = ['--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory', '--disableWarning', '235'];

const targets = {
  'engine.wasm': ['-O3', '--converge', '--noAssert'],
  'engine.debug.wasm': ['--debug', '--sourceMap'],
};

async function compile(output, flags) {
  const { error, stderr } = await asc.main([
    'assembly/index.ts',
    ...['--baseDir', folder, '--outFile', join('dist', output)],
    ...shared,
    ...flags,
  ]);
  const text = stderr.toString();
  if (text !== '') process.stderr.write(text);
  if (error !== null) {
    process.stderr.write(`${output}: ${error.message}\n`);
    process.exit(1);
  }
}

mkdirSync(join(folder, 'dist'), { recursive: true });
for (const [output, flags] of Object.entries(targets)) await compile(output, flags);
await bundle({
  folder,
  platform: 'neutral',
  entries: { index: 'src/index.ts', inline: 'src/inline.ts', reference: 'reference/index.ts' },
  // Only `./inline` imports the wasm file, and carries its bytes.
  options: { loader: { '.wasm': 'binary' } },
});
