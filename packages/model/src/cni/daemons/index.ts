/** Daemons by the name of their program. */
import { Unmodelled } from '../runtime/call.ts';
import type { Daemon, Start } from './daemon.ts';
import { Flannel } from './flannel/daemon.ts';
import type { NetConf } from './flannel/settings.ts';

/** `conf`: what it reads besides its flags, as the ConfigMap holds it. */
const DAEMONS: Readonly<Record<string, (start: Start, conf: unknown) => Daemon>> = {
  flanneld: (start, conf) => new Flannel(start, (conf ?? {}) as NetConf),
};

/** Throws `DaemonFailure` where it ends at once, `Unmodelled` where nobody plays the program. */
export function daemonOf(name: string, start: Start, conf: unknown): Daemon {
  const make = Object.hasOwn(DAEMONS, name) ? DAEMONS[name] : undefined;
  if (!make) throw new Unmodelled(`the daemon ${name} is not modelled`);
  return make(start, conf);
}
