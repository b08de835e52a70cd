import { defineConfig } from 'vitest/config';

// Packages of this workspace resolve to their sources; only the engine's wasm file has to be built before.
const conditions = ['source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      '{packages,apps}/*/{src,reference}/**/*.test.{ts,tsx}',
      '{bench,conformance}/src/**/*.test.ts',
      'scripts/**/*.test.mjs',
    ],
    environment: 'node',
    // A busy machine is no failure: what takes long is measured in `bench`. The only limits by the clock; a test that
    // looks for hangs counts processor time.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    globalSetup: './scripts/lib/engine-before-tests.mjs',
    isolate: false,
  },
});
