/** `ipvsadm`: readers and printers of virtual services. */
export { endText } from './address.ts';
export { printIpvsList, readIpvsList } from './list.ts';
export { ipvsServerText, ipvsServiceText, printIpvsSave, type ReadIpvs, readIpvsSave } from './save.ts';
export type { IpvsServer, IpvsService } from './types.ts';
