/** NAT to an address and port that the packet or a map gives. */
import { NatFlag } from '../../../src/codes';
import { NatManip, NatPart } from '../../../src/nft-codes';
import { Verdict } from '../../../src/terms';
import { newRange } from '../../ct/nat';
import { WriteStatement } from '../../layout/nft';
import { Statement } from '../../layout/statement';
import { bindTo, masqueradeTo, passesBy, redirectTo } from '../nat';
import { Known } from './key';
import { evaluateSource, sourceFrom, sourceTo } from './source';
import { undecided } from './write';

/** NAT to what the packet or a map says (nft_nat.c): address, then port. */
export function translateToSource(at: usize): Verdict {
  const statement = changetype<WriteStatement>(at);
  const flags = changetype<Statement>(at).argument;
  const known = evaluateSource(statement.source);
  if (known == Known.NONE) return Verdict.BREAK;
  if (known == Known.NO) return undecided();
  if (passesBy(flags)) return Verdict.CONTINUE;
  const range = newRange();
  range.flags = flags;
  let part: u32 = 0;
  if ((statement.parts & <u8>NatPart.ADDRESS) != 0) {
    range.flags |= NatFlag.ADDRESSES;
    range.fromHi = sourceFrom(0).hi;
    range.fromLo = sourceFrom(0).lo;
    range.toHi = sourceTo(0).hi;
    range.toLo = sourceTo(0).lo;
    part = 1;
  }
  if ((statement.parts & <u8>NatPart.PORT) != 0) {
    range.flags |= NatFlag.PORTS;
    range.portFrom = <u16>sourceFrom(part).lo;
    range.portTo = <u16>sourceTo(part).lo;
  }
  switch (<i32>statement.manip) {
    case <i32>NatManip.MASQUERADE:
      return masqueradeTo(range);
    case <i32>NatManip.REDIRECT:
      return redirectTo(range);
    default:
      return bindTo(range);
  }
}
