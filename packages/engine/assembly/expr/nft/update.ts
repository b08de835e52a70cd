/** Rules that change sets while packets pass (nft_dynset.c:nft_dynset_eval(), nft_set_hash.c:nft_rhash_update()). */
import { UpdateOp } from '../../../src/nft-codes';
import { Verdict } from '../../../src/terms';
import { now } from '../../core/clock';
import { some } from '../../core/skb';
import { UpdateStatement, Value } from '../../layout/nft';
import { NftElement, NftSet } from '../../layout/nft-set';
import { Statement } from '../../layout/statement';
import { addChange, Changed, changedFor, changeOf, elementOf, isFull, moment } from '../../set/nft-changes';
import { dataFrom, dataTo, FOREVER, hashKey } from '../../set/nft-element';
import { nftFindKeyed, nftSetByName } from '../../set/nft';
import { evaluateKey, Known } from './key';
import { evaluateSource, sourceFrom, sourceTo } from './source';
import { undecided } from './write';

const VALUES: usize = memory.data(8 * 16, 8);

/** How long what the statement adds lives. */
@inline
function lifetime(at: usize, set: NftSet): u64 {
  const own = changetype<UpdateStatement>(at).timeout;
  return own != FOREVER && own != 0 ? own : set.timeout;
}

function fill(set: NftSet, element: NftElement, withData: bool): void {
  if (!withData) return;
  for (let i: u32 = 0; i < set.parts; i++) {
    memory.copy(changetype<usize>(dataFrom(set, element, i)), changetype<usize>(sourceFrom(i)), offsetof<Value>());
    if (set.dataRanges) {
      memory.copy(changetype<usize>(dataTo(set, element, i)), changetype<usize>(sourceTo(i)), offsetof<Value>());
    }
  }
}

/** Puts the key among the changes; false where the set is full. */
function add(at: usize, set: NftSet, changed: Changed, hash: u32): bool {
  if (isFull(changed)) return false;
  let change = changeOf(changed, VALUES, hash);
  if (!some(change)) change = addChange(changed, VALUES, hash);
  if (!some(change)) return false;
  const element = elementOf(change);
  change.present = 1;
  changed.live++;
  element.id = 0;
  element.statements = 0;
  element.verdict = 0;
  element.expires = moment(lifetime(at, set));
  fill(set, element, some(changetype<UpdateStatement>(at).source));
  return true;
}

/** An element of the set's own that is given more time becomes one of the namespace's. */
function renew(set: NftSet, found: NftElement, hash: u32, expires: u64): void {
  const changed = changedFor(set);
  if (!some(changed)) return;
  let change = changeOf(changed, VALUES, hash);
  if (!some(change)) {
    if (found.ranged) return;
    change = addChange(changed, VALUES, hash);
    if (!some(change)) return;
    const element = elementOf(change);
    element.id = found.id;
    element.chain = found.chain;
    element.statements = found.statements;
    element.verdict = found.verdict;
    const parts = set.parts * (set.dataRanges ? 2 : 1);
    memory.copy(
      changetype<usize>(dataFrom(set, element, 0)),
      changetype<usize>(dataFrom(set, found, 0)),
      <usize>parts * offsetof<Value>(),
    );
    change.present = 1;
  }
  elementOf(change).expires = expires;
}

function remove(set: NftSet, found: NftElement, hash: u32): void {
  if (!some(found)) return;
  const changed = changedFor(set);
  if (!some(changed)) return;
  let change = changeOf(changed, VALUES, hash);
  if (!some(change)) change = addChange(changed, VALUES, hash);
  if (!some(change)) return;
  change.present = 0;
  changed.live--;
}

export function updateSet(at: usize): Verdict {
  const statement = changetype<UpdateStatement>(at);
  const set = nftSetByName(changetype<Statement>(at).argument);
  let known = evaluateKey(statement.key, VALUES);
  if (known == Known.NONE) return Verdict.BREAK;
  if (some(statement.source)) {
    const data = evaluateSource(statement.source);
    if (data == Known.NONE) return Verdict.BREAK;
    if (known == Known.YES) known = data;
  }
  if (known == Known.NO) return undecided();
  const hash = hashKey(VALUES, set.components);
  const found = nftFindKeyed(set, VALUES);
  if (statement.op == UpdateOp.DELETE) {
    remove(set, found, hash);
    return Verdict.CONTINUE;
  }
  if (!some(found)) {
    const changed = changedFor(set);
    return some(changed) && add(at, set, changed, hash) ? Verdict.CONTINUE : Verdict.BREAK;
  }
  // An element without an end keeps having none; where neither rule nor set has a time, any other has none left.
  if (statement.op == UpdateOp.UPDATE && found.expires != FOREVER) {
    const timeout = lifetime(at, set);
    renew(set, found, hash, timeout == FOREVER ? now() : moment(timeout));
  }
  return Verdict.CONTINUE;
}
