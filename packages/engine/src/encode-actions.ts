/** One record per action. */
import { NatFlag, Op, RejectWith } from './codes.ts';
import { encodeHelper } from './encode-helpers.ts';
import { encodePair, encodeSetStatement } from './encode-matches.ts';
import { type Place, record } from './encode-record.ts';
import { addressOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { IptablesAction, NatRange, PlainAction } from './rule.ts';

/** Type and code by the names that iptables prints. */
const ICMP4: Readonly<Record<string, readonly [type: number, code: number]>> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
};

const ICMP6: Readonly<Record<string, readonly [type: number, code: number]>> = {
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

/** Codes of both families by one name (nf_tables_inet.c, nft_reject_icmp_code(), nft_reject_icmpv6_code()). */
const ICMPX: Readonly<Record<string, readonly [code4: number, code6: number]>> = {
  'icmpx-no-route': [0, 0],
  'icmpx-port-unreachable': [3, 4],
  'icmpx-host-unreachable': [1, 3],
  'icmpx-admin-prohibited': [13, 1],
};

const UNREACHABLE_4 = 3;
const UNREACHABLE_6 = 1;

/** Type and code for IPv4, type and code for IPv6. A name of one family alone is a number for the other (nft_reject_inet_eval()). */
function reasonsOf(name: string): [type4: number, code4: number, type6: number, code6: number] | undefined {
  const both = ICMPX[name];
  if (both) return [UNREACHABLE_4, both[0], UNREACHABLE_6, both[1]];
  const v4 = ICMP4[name];
  if (v4) return [...v4, UNREACHABLE_6, v4[1]];
  const v6 = ICMP6[name];
  return v6 && [UNREACHABLE_4, v6[1], ...v6];
}

function encodeReject(place: Place, name: string): void {
  if (name === 'tcp-reset') {
    encodePair(place, Op.REJECT, false, 0, 0, RejectWith.TCP_RESET);
    return;
  }
  const reasons = reasonsOf(name);
  if (!reasons) throw new EngineError('BAD_VALUE', `${place.where}: reject with ${name}`);
  const [type4, code4, type6, code6] = reasons;
  encodePair(place, Op.REJECT, false, (type4 << 8) | code4, (type6 << 8) | code6, RejectWith.ICMP);
}

function encodeNat(place: Place, op: Op, range: NatRange): void {
  const { abi, arena } = place.encoding;
  const flags =
    (range.addresses ? NatFlag.ADDRESSES : 0) |
    (range.ports ? NatFlag.PORTS : 0) |
    (range.random || range.randomFully ? NatFlag.RANDOM : 0) |
    (range.persistent ? NatFlag.PERSISTENT : 0) |
    (range.netmap ? NatFlag.NETMAP : 0);
  const from = range.addresses && addressOf(range.addresses.from, place.where);
  const to = range.addresses && addressOf(range.addresses.to, place.where);
  const family = from?.family ?? place.family;
  if (family !== (to?.family ?? place.family) || (place.family !== 0 && family !== place.family))
    throw new EngineError('BAD_ADDRESS', `${place.where}: ${range.addresses?.from} is of the other family`);
  const only = place.family !== 0 ? 0 : family === 4 ? NatFlag.ONLY_4 : family === 6 ? NatFlag.ONLY_6 : 0;
  const at = record(place, op, abi.NAT_STATEMENT_SIZE, false, flags | only);
  if (from && to) {
    arena.putWords(at + 8, from.words);
    arena.putWords(at + 24, to.words);
  }
  arena.u16[(at + 40) >>> 1] = range.ports?.from ?? 0;
  arena.u16[(at + 42) >>> 1] = range.ports?.to ?? 0;
}

const NAT_OPS = { dnat: Op.DNAT, snat: Op.SNAT, masquerade: Op.MASQUERADE, redirect: Op.REDIRECT };
/** As 32 bits of two's complement. */
const shiftOf = ({ shift = 0 }: { shift?: number }): number => shift >>> 0;

const DIRECTIONS = { ORIGINAL: 1, REPLY: 2 };
const BOTH_DIRECTIONS = 3;

export function encodeAction(place: Place, action: Extract<PlainAction, IptablesAction>): void {
  const { abi, arena, chainNames, objects } = place.encoding;
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
      encodePair(place, Op.SET_CONNMARK, false, action.value, action.mask, shiftOf(action));
      return;
    case 'save-mark':
      encodePair(place, Op.SAVE_MARK, false, action.nfmask, action.ctmask, shiftOf(action));
      return;
    case 'restore-mark':
      encodePair(place, Op.RESTORE_MARK, false, action.nfmask, action.ctmask, shiftOf(action));
      return;
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      encodeNat(place, NAT_OPS[action.kind], action.range);
      return;
    case 'notrack':
      record(place, Op.NOTRACK, 8, false, action.native ? 1 : 0);
      return;
    case 'ct-zone':
      encodePair(
        place,
        Op.CT_ZONE,
        false,
        action.zone,
        action.direction === undefined ? BOTH_DIRECTIONS : DIRECTIONS[action.direction],
        action.native ? 1 : 0,
      );
      return;
    case 'ct-helper':
      encodeHelper(
        place.encoding,
        record(place, Op.CT_HELPER, abi.HELPER_SIZE, false, action.isTemplate ? 1 : 0),
        action,
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
    case 'queue':
      objects.statements.set(record(place, Op.QUEUE, 8, false, 0), action);
      return;
    case 'unmodelled-target':
      objects.statements.set(record(place, Op.UNMODELLED_TARGET, 8, false, 0), action);
      return;
  }
}
