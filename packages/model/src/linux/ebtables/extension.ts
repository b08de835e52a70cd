/** What one ebtables extension tells the rule reader. All of them are there without being named: an option loads its own. */
import type { Context } from '../iptables/base/extension.ts';
import type { TextExtension } from '../iptables/base/table.ts';
import type { EtherProtocol } from './header.ts';

export interface EbtContext extends Context {
  /** `-p`, where given. */
  ether?: EtherProtocol;
}

export interface EbtExtension extends Omit<TextExtension, 'check'> {
  check?: (given: Parameters<NonNullable<TextExtension['check']>>[0], context: EbtContext) => void;
  /** A watcher looks on and changes nothing. */
  watcher?: boolean;
}
