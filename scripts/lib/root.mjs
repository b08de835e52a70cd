// Where things stand: the project's root, the folder the user called from, and the Node that runs development tools.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** npm and pnpm change to the root before they run a script, and leave the caller's folder in INIT_CWD. */
export const callerFolder = process.env.INIT_CWD ?? process.cwd();

export const PNPM_VERSION = '12.21.0';

/** Where setup puts pnpm: inside the project, so that nothing global is needed. */
export const pnpmFolder = join(root, '.cache', 'tools', `pnpm-${PNPM_VERSION}`);

/** Vitest declares Node >= 22.12; what we ship runs on 20. */
const TOOL_NODE_MAJOR = 24;

const packagedNode = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');

/** The Node for tools that need a new one: this one where it is new enough, else the one that came with the packages. */
export function toolNode() {
  if (Number.parseInt(process.versions.node, 10) >= TOOL_NODE_MAJOR) return process.execPath;
  if (existsSync(packagedNode)) return packagedNode;
  console.error(
    `This step needs Node ${TOOL_NODE_MAJOR}. This is Node ${process.versions.node}, and no packaged Node ` +
      `for ${process.platform}-${process.arch} is installed: install Node ${TOOL_NODE_MAJOR} and run the command again.`,
  );
  process.exit(2);
}

/** The user's own Node. Inside a script of npm or pnpm the packaged one comes first on PATH and hides it. */
function callerNode() {
  const ours = join(root, 'node_modules');
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  const candidates = [process.env.PODWIRE_CALLER_NODE, process.env.npm_node_execpath, process.execPath, ...onPath];
  return candidates.find((path) => path !== undefined && existsSync(path) && !realpathSync(path).startsWith(ours));
}

/** Environment for child processes: development tools on PATH, no telemetry, the caller's folder kept. */
export function toolEnvironment() {
  const bins = [
    ...(existsSync(packagedNode) ? [dirname(packagedNode)] : []),
    join(root, 'node_modules', '.bin'),
    join(pnpmFolder, 'node_modules', '.bin'),
  ];
  return {
    ...process.env,
    PATH: [...bins, process.env.PATH].join(delimiter),
    INIT_CWD: callerFolder,
    DO_NOT_TRACK: '1',
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    // The command line tool is tested on the Node that the user started, too.
    PODWIRE_CALLER_NODE: callerNode() ?? process.execPath,
  };
}
