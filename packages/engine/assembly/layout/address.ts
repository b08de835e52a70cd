import { Link } from './link';

/** An address of an interface. */
@unmanaged
export class InterfaceAddress {
  hi: u64;
  lo: u64;
  /** Network part of the address, or of the remote one of a point-to-point address. */
  subnetHi: u64;
  subnetLo: u64;
  link: Link;
  length: u8;
  subnetLength: u8;
  family: u8;
  scope: u8;
  flags: u8;
  /** Next interface address of the network with the same address (`wire/owners.ts`). */
  next: InterfaceAddress;
}

export const ADDRESS_SIZE: u32 = offsetof<InterfaceAddress>();
export const ADDRESS_ADDRESS: u32 = offsetof<InterfaceAddress>('hi');
export const ADDRESS_LINK: u32 = offsetof<InterfaceAddress>('link');
export const ADDRESS_LENGTH: u32 = offsetof<InterfaceAddress>('length');
export const ADDRESS_FAMILY: u32 = offsetof<InterfaceAddress>('family');
export const ADDRESS_SCOPE: u32 = offsetof<InterfaceAddress>('scope');
export const ADDRESS_FLAGS: u32 = offsetof<InterfaceAddress>('flags');
export const ADDRESS_SUBNET: u32 = offsetof<InterfaceAddress>('subnetHi');
export const ADDRESS_SUBNET_LENGTH: u32 = offsetof<InterfaceAddress>('subnetLength');
