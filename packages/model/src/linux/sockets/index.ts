/** Who listens: `ss`, `netstat` and the files of /proc/net that both read. */
export { printNetstat, readNetstat } from './netstat.ts';
export { printProcSockets, readProcSockets } from './proc.ts';
export { printSs, type ReadListeners, readSs } from './ss.ts';
