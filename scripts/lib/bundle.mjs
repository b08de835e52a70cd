// The one bundler configuration. Every package's build.mjs names its entries and calls `bundle`.
import { build } from 'esbuild';

const MINIMUM = { node: 'node20', browser: 'es2022' };

/**
 * Bundle entries into `dist/`. Packages of this workspace resolve to their sources by the export condition `source`.
 *
 * @param {{ folder: string, entries: Record<string, string>, platform: 'node' | 'browser' | 'neutral',
 *   options?: import('esbuild').BuildOptions }} what
 *   `entries` maps an output name to a source file.
 */
export async function bundle({ folder, entries, platform, options = {} }) {
  await build({
    absWorkingDir: folder,
    entryPoints: Object.entries(entries).map(([out, source]) => ({ in: source, out })),
    outdir: 'dist',
    bundle: true,
    format: 'esm',
    platform,
    target: platform === 'node' ? MINIMUM.node : MINIMUM.browser,
    conditions: ['source'],
    mainFields: ['module', 'main'],
    sourcemap: 'linked',
    legalComments: 'linked',
    logLevel: 'warning',
    ...options,
  });
}
