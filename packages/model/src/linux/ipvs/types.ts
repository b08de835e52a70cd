/** What `ipvsadm` knows of virtual services is what the machine holds. */
export type { IpvsServer, IpvsService } from '@podwire/engine';
