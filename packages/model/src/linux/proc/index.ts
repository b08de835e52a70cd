/** Files of /proc/net, and the older tools that show little more than them. */
export { printIfInet6, readFibTrie, readIfInet6, readProcDev, type TrieLeaf } from './addresses.ts';
export { printProcArp, type ReadNeighbors, readArp, readProcArp } from './arp.ts';
export { printBonding, readBonding, type ShownBond } from './bonding.ts';
export { printIfconfig, type ReadIfconfig, readIfconfig } from './ifconfig.ts';
export { printRouteN, readRouteN } from './net-tools.ts';
export { printProcRoute, printProcRoute6, type ReadRoutes, readProcRoute, readProcRoute6 } from './route.ts';
export { printVlanConfig, readVlanConfig, type VlanDevice } from './vlan.ts';
