/** WireGuard: what `wg` says of its links, in and out. */
export { printWireguard, printWireguardConf, printWireguardDump } from './print.ts';
export { type ReadWireguard, readWireguard, type WireguardLink } from './read.ts';
