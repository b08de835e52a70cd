/** Network plugins: what each puts on a node and into a pod. */
export { Board, type Daemon, DaemonFailure } from './daemons/daemon.ts';
export { daemonOf } from './daemons/index.ts';
export { Host } from './host/host.ts';
export type { Namespace } from './host/namespace.ts';
export { sysctlName } from './host/sysctl.ts';
export { type Attachment, Unmodelled } from './runtime/call.ts';
export { printedResult } from './runtime/result.ts';
export { type Conflist, type Outcome, Runtime } from './runtime/runtime.ts';
