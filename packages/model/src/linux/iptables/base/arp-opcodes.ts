/** Opcodes of ARP by the names that arptables and ebtables have for them (nft-arp.c, ebt_arp.c); RFC 826 and others. */

/** From 1 on. */
const NAMES = [
  'Request',
  'Reply',
  'Request_Reverse',
  'Reply_Reverse',
  'DRARP_Request',
  'DRARP_Reply',
  'DRARP_Error',
  'InARP_Request',
  'ARP_NAK',
];

/** In whatever case. */
export function arpOpcodeNumber(name: string): number | undefined {
  const at = NAMES.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  return at < 0 ? undefined : at + 1;
}

export const arpOpcodeName = (opcode: number): string | undefined => NAMES[opcode - 1];
