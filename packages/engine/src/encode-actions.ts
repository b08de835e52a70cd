/** One record per action. */
import { NatFlag, Op, RejectWith } from './codes.ts';
import { encodePair, encodeSetStatement } from './encode-matches.ts';
import { type Place, record } from './encode-record.ts';
import { addressOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Action, NatRange } from './rule.ts';

/** Type and code by the names that iptables prints. */
const ICMP: Readonly<Record<string, readonly [type: number, code: number]>> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

function encodeReject(place: Place, name: string): void {
  if (name === 'tcp-reset') {
    encodePair(place, Op.REJECT, false, 0, 0, RejectWith.TCP_RESET);
    return;
  }
  const error = ICMP[name];
  if (!error) throw new EngineError('BAD_VALUE', `${place.where}: reject with ${name}`);
  encodePair(place, Op.REJECT, false, error[0], error[1], RejectWith.ICMP);
}

function encodeNat(place: Place, op: Op, range: NatRange): void {
  const { abi, arena } = place.encoding;
  const flags =
    (range.addresses ? NatFlag.ADDRESSES : 0) |
    (range.ports ? NatFlag.PORTS : 0) |
    (range.random || range.randomFully ? NatFlag.RANDOM : 0) |
    (range.persistent ? NatFlag.PERSISTENT : 0);
  const at = record(place, op, abi.NAT_STATEMENT_SIZE, false, flags);
  if (range.addresses) {
    const from = addressOf(range.addresses.from, place.where);
    const to = addressOf(range.addresses.to, place.where);
    if (from.family !== place.family || to.family !== place.family)
      throw new EngineError('BAD_ADDRESS', `${place.where}: ${range.addresses.from} is of the other family`);
    arena.putWords(at + 8, from.words);
    arena.putWords(at + 24, to.words);
  }
  arena.u16[(at + 40) >>> 1] = range.ports?.from ?? 0;
  arena.u16[(at + 42) >>> 1] = range.ports?.to ?? 0;
}

const NAT_OPS = { dnat: Op.DNAT, snat: Op.SNAT, masquerade: Op.MASQUERADE, redirect: Op.REDIRECT };
const DIRECTIONS = { ORIGINAL: 1, REPLY: 2 };
const BOTH_DIRECTIONS = 3;

export function encodeAction(place: Place, action: Action): void {
  const { arena, chainNames, objects } = place.encoding;
  switch (action.kind) {
    case 'accept':
      record(place, Op.ACCEPT, 8, false, 0);
      return;
    case 'drop':
      record(place, Op.DROP, 8, false, 0);
      return;
    case 'return':
      record(place, Op.RETURN, 8, false, 0);
      return;
    case 'jump':
      record(place, Op.JUMP, 8, false, chainNames.of(action.chain));
      return;
    case 'goto':
      record(place, Op.GOTO, 8, false, chainNames.of(action.chain));
      return;
    case 'reject':
      encodeReject(place, action.with);
      return;
    case 'set-mark':
      encodePair(place, Op.SET_MARK, false, action.value, action.mask);
      return;
    case 'set-connmark':
      encodePair(place, Op.SET_CONNMARK, false, action.value, action.mask);
      return;
    case 'save-mark':
      encodePair(place, Op.SAVE_MARK, false, action.nfmask, action.ctmask);
      return;
    case 'restore-mark':
      encodePair(place, Op.RESTORE_MARK, false, action.nfmask, action.ctmask);
      return;
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      encodeNat(place, NAT_OPS[action.kind], action.range);
      return;
    case 'notrack':
      record(place, Op.NOTRACK, 8, false, 0);
      return;
    case 'ct-zone':
      encodePair(
        place,
        Op.CT_ZONE,
        false,
        action.zone,
        action.direction === undefined ? BOTH_DIRECTIONS : DIRECTIONS[action.direction],
      );
      return;
    case 'set-add':
    case 'set-del': {
      const at = encodeSetStatement(place, action.kind === 'set-add' ? Op.SET_ADD : Op.SET_DEL, action);
      arena.u32[(at + 16) >>> 2] = action.timeout === undefined ? 0 : action.timeout + 1;
      arena.u32[(at + 20) >>> 2] = action.exist ? 1 : 0;
      return;
    }
    case 'note':
      record(place, Op.NOTE, 8, false, 0);
      return;
    case 'unmodelled-target':
      objects.statements.set(record(place, Op.UNMODELLED_TARGET, 8, false, 0), action);
      return;
    default:
      throw new EngineError('BAD_VALUE', `${place.where}: ${action.kind} is not evaluated`);
  }
}
