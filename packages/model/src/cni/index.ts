/** Network plugins: what each puts on a node and into a pod. */
export { Board, type BoardNode, type Daemon, DaemonFailure, type Start } from './daemons/daemon.ts';
export { daemonOf, hasDaemon } from './daemons/index.ts';
export { Host } from './host/host.ts';
export { Namespace, ToolRefusal } from './host/namespace.ts';
export { sysctlName, sysctlPath } from './host/sysctl.ts';
export { hasPlugin } from './plugins/index.ts';
export { type Attachment, CniError } from './runtime/call.ts';
export { printedResult, type Result } from './runtime/result.ts';
export { type Conflist, type Outcome, type Ran, Runtime } from './runtime/runtime.ts';
