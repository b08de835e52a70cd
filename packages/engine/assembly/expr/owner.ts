/** owner_mt (xt_owner.c): whose socket made the packet. */
import { PacketL4 } from '../../src/ct-codes';
import { OwnerTest, SocketOf } from '../../src/match-codes';
import { ChoiceKind } from '../../src/terms';
import { choose } from '../core/choice';
import { packet, skb } from '../core/skb';
import { OwnerTestRecord, Statement } from '../layout/statement';

const IDS: u32 = OwnerTest.UID | OwnerTest.GID;

/** What is known of an id against its range: it is as wanted, it is not, or nobody knows. */
enum Fit {
  YES = 0,
  NO = 1,
  UNKNOWN = 2,
}

function fits(known: bool, id: u32, from: u32, to: u32, not: bool): Fit {
  if (!known) return Fit.UNKNOWN;
  return (id >= from && id <= to) != not ? Fit.YES : Fit.NO;
}

function undecided(at: usize): bool {
  return choose(ChoiceKind.UNMODELLED, 2, false, at, 0) == 0;
}

function ofProcess(at: usize, parts: u32, inverse: u32): bool {
  const p = packet();
  const test = changetype<OwnerTestRecord>(at);
  if ((parts & inverse & OwnerTest.SOCKET) != 0) return false;
  let unknown = false;
  if ((parts & OwnerTest.UID) != 0) {
    const known = (p.l4 & PacketL4.OWNER_UID) != 0;
    const fit = fits(known, p.uid, test.uidFrom, test.uidTo, (inverse & OwnerTest.UID) != 0);
    if (fit == Fit.NO) return false;
    unknown = fit == Fit.UNKNOWN;
  }
  if ((parts & OwnerTest.GID) != 0) {
    const known = (p.l4 & PacketL4.OWNER_GID) != 0;
    const not = (inverse & OwnerTest.GID) != 0;
    let fit = fits(known, p.gid, test.gidFrom, test.gidTo, not);
    // Any other of its groups may be the one.
    if ((parts & OwnerTest.SUPPL) != 0 && (fit == Fit.NO) != not) fit = Fit.UNKNOWN;
    if (fit == Fit.NO) return false;
    unknown = unknown || fit == Fit.UNKNOWN;
  }
  return !unknown || undecided(at);
}

export function matchOwner(at: usize): bool {
  const parts = changetype<Statement>(at).argument;
  const wanted = parts & (IDS | OwnerTest.SOCKET);
  const inverse = (parts >> 4) & (IDS | OwnerTest.SOCKET);
  switch (<i32>skb().socket) {
    case <i32>SocketOf.NONE:
      // Other groups can be asked for, but not for the contrary.
      return wanted == inverse && (parts & OwnerTest.SUPPL) == 0;
    case <i32>SocketOf.STACK:
      // Some of the stack's packets have a socket, which nobody owns, and some have none.
      if (((wanted ^ inverse) & IDS) != 0) return false;
      return (parts & (OwnerTest.SOCKET | OwnerTest.SUPPL)) == 0 || undecided(at);
    default:
      return ofProcess(at, parts, inverse);
  }
}
