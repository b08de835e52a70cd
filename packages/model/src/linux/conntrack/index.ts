/** `conntrack -L` and /proc/net/nf_conntrack: reader and printers. */
export { type ConntrackForm, printConntrack, printConntrackXml, printProcConntrack } from './print.ts';
export { type ReadConntrack, readConntrack } from './read.ts';
