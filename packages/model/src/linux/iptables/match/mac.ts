/** `-m mac`: net/netfilter/xt_mac.c. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';

export const mac: MatchExtension = {
  name: 'mac',
  options: [option('mac-source', 1, { negatable: true })],
  chains: ['PREROUTING', 'INPUT', 'FORWARD'],
  parse(given) {
    needOption(given, 'mac', 'mac-source');
    const test = byName(given).get('mac-source');
    const address = word(test).toLowerCase();
    if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/.test(address)) throw new Refusal('Invalid MAC address specified.');
    const padded = address.split(':').map((part) => part.padStart(2, '0'));
    return { kind: 'mac', address: padded.join(':'), ...inverted(test?.not) };
  },
};

export function printMac(match: Extract<Match, { kind: 'mac' }>): string {
  return `-m mac ${bang(match.not)}--mac-source ${match.address}`;
}
