// Bring the tools and the packages: pnpm into .cache/tools, everything else into node_modules.
// Needs Node >= 20, npm and a package registry; nothing global, nothing privileged. Ends at once when nothing changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNPM_VERSION, pnpmFolder, root } from './lib/root.mjs';
import { run } from './lib/run.mjs';

const MIN_NODE = 20;

const pnpm = join(pnpmFolder, 'node_modules', '.bin', process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm');
const stamp = join(root, 'node_modules', '.podwire-setup');

/** Every package.json of the workspace, and what else decides about an installation. */
function decidingFiles() {
  const folders = ['.', 'bench', 'conformance'];
  for (const parent of ['packages', 'apps']) {
    if (!existsSync(join(root, parent))) continue;
    folders.push(...readdirSync(join(root, parent)).map((name) => join(parent, name)));
  }
  return ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...folders.sort().map((folder) => join(folder, 'package.json'))];
}

function installationKey() {
  const hash = createHash('sha256').update(`${PNPM_VERSION} ${process.platform} ${process.arch}\n`);
  for (const file of decidingFiles()) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`${file}\n`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function fail(message, code) {
  console.error(`setup: ${message}`);
  process.exit(code);
}

async function bringPnpm() {
  if (existsSync(pnpm)) return;
  mkdirSync(pnpmFolder, { recursive: true });
  // An own package.json keeps npm from walking up to the workspace's.
  writeFileSync(join(pnpmFolder, 'package.json'), '{ "private": true }\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  const code = await run(npm, ['install', '--prefix', pnpmFolder, ...flags, `pnpm@${PNPM_VERSION}`], {
    cwd: pnpmFolder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (code !== 0 || !existsSync(pnpm)) fail(`npm could not bring pnpm ${PNPM_VERSION} (exit ${code})`, code || 1);
}

/** Make the workspace ready. Returns at once where the last installation still fits. */
export async function setup() {
  if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
    fail(`podwire needs Node ${MIN_NODE} or newer, this is ${process.versions.node}`, 2);
  }
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === installationKey()) return;
  console.error('setup: installing packages');
  await bringPnpm();
  const code = await run(pnpm, ['install', '--prefer-offline', '--reporter=append-only'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (code !== 0) fail(`pnpm install failed (exit ${code})`, code);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, installationKey());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
