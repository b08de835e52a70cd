/** What rules of nftables do beside what iptables knows. */
import { Op } from '../../../src/codes';
import { Verdict } from '../../../src/terms';
import { some } from '../../core/skb';
import { LookupTest } from '../../layout/nft';
import { Statement } from '../../layout/statement';
import { findInMap } from './lookup';
import { translateToSource } from './nat';
import { updateSet } from './update';
import { setHeader, setMeta } from './write';

/** Symbol of the device that a rule sends the packet out of; 0: none did. */
export let forwardDevice: u32 = 0;

export function forwardClear(): void {
  forwardDevice = 0;
}

/** The verdict of a map's element; a key without one ends the rule. */
function verdictOf(at: usize): Verdict {
  const test = changetype<LookupTest>(at);
  const element = findInMap(test.key, changetype<Statement>(at).argument, test.set);
  return some(element) ? <Verdict>element.verdict : Verdict.BREAK;
}

/** Runs one action; CONTINUE: the next one follows, BREAK: the rule ends without a verdict. */
export function actNft(at: usize): Verdict {
  switch (<i32>changetype<Statement>(at).op) {
    case <i32>Op.VERDICT_MAP:
      return verdictOf(at);
    case <i32>Op.SET_META:
      return setMeta(at);
    case <i32>Op.SET_HEADER:
      return setHeader(at);
    case <i32>Op.NAT_TO:
      return translateToSource(at);
    case <i32>Op.SET_UPDATE:
      return updateSet(at);
    default:
      forwardDevice = changetype<Statement>(at).argument;
      return Verdict.ACCEPT;
  }
}
