/** Daemons by the name of their program. */
import type { Daemon, Start } from './daemon.ts';
import { Flannel } from './flannel/daemon.ts';
import type { NetConf } from './flannel/settings.ts';

/** `conf`: what it reads besides its flags, as the ConfigMap holds it. */
const DAEMONS: Readonly<Record<string, (start: Start, conf: unknown) => Daemon>> = {
  flanneld: (start, conf) => new Flannel(start, (conf ?? {}) as NetConf),
};

export const hasDaemon = (name: string): boolean => Object.hasOwn(DAEMONS, name);

/** Undefined where nobody knows the program. Throws `DaemonFailure`. */
export function daemonOf(name: string, start: Start, conf: unknown): Daemon | undefined {
  return hasDaemon(name) ? DAEMONS[name]?.(start, conf) : undefined;
}
