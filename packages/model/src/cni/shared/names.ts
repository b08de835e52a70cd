/** Names that plugins make of a network and a container (containernetworking/plugins, pkg/utils/utils.go). */
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

export function hashed(length: number, prefix: string, of: string): string {
  return `${prefix}${bytesToHex(sha512(utf8ToBytes(of)))}`.slice(0, length);
}

/** A chain of iptables: `CNI-a2f48e2907892e8f3c4cb2e5`. */
export function chainName(network: string, id: string, prefix = ''): string {
  return hashed(28, `CNI-${prefix}`, network + id);
}

/** As Go prints a quoted string: control characters and quotation marks are escaped. */
const quoted = (text: string): string => JSON.stringify(text);

export function ruleComment(network: string, id: string): string {
  return `name: ${quoted(network)} id: ${quoted(id)}`;
}
