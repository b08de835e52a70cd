/** Random TCP numbers and SCTP chunks: mostly what the other end expects, often a little beside it. */
import { type Packet, type SctpChunk, type SctpChunks, TcpFlag, type TcpNumbers } from '../../src/index.ts';
import type { Random } from './random.ts';

const wrap = (value: number): number => value >>> 0;

const STARTS = [0, 1, 1000, 0x7fffff00, 0xfffffff0];
const STRAY = [0, 0, 0, 0, 1, 1, -1, 20, 40, 500, 1460, -1460, 66000, -70000, 200000];

/** Bytes of sequence that a segment takes up, if its header has no options. */
const lengthOf = ({ family, length, tcpFlags }: Packet): number =>
  Math.max(0, length - (family === 4 ? 40 : 60)) + (tcpFlags & (TcpFlag.SYN | TcpFlag.FIN) ? 1 : 0);

function options(r: Random): Partial<TcpNumbers> {
  return {
    ...(r.chance(1, 2) ? { windowScale: r.pick([0, 1, 7, 14, 15]) } : {}),
    ...(r.chance(1, 3) ? { sackPermitted: r.chance(2, 3) } : {}),
  };
}

/** Numbers of a segment with `flags` that goes before all others, or follows `after`: from the same end, or from the other one. */
export function tcpNumbers(r: Random, flags: number, after?: Packet, back = false): { tcp?: TcpNumbers } {
  if (r.chance(1, 25)) return {};
  const known = after?.tcp;
  const seq = known && after ? (back ? known.ack : known.seq + (r.chance(2, 3) ? lengthOf(after) : 0)) : r.pick(STARTS);
  const acked = known && after ? (back ? known.seq + lengthOf(after) : known.ack) : r.pick(STARTS);
  return {
    tcp: {
      seq: wrap((flags & TcpFlag.SYN && r.chance(3, 4) ? r.pick(STARTS) : seq) + r.pick(STRAY)),
      ack: flags & TcpFlag.ACK ? wrap(acked + r.pick(STRAY)) : r.chance(1, 9) ? 7 : 0,
      window: r.pick([0, 1, 500, 1000, 65535]),
      ...(r.chance(1, 4) ? { header: r.pick([20, 24, 32, 40, 60, 16]) } : {}),
      ...(flags & TcpFlag.SYN || r.chance(1, 20) ? options(r) : {}),
    },
  };
}

/** An association in the order it should go. */
const PLAN = [1, 2, 10, 11, 0, 3, 4, 5, 7, 8, 14, 6, 9];

function chunk(r: Random, type: number): SctpChunk {
  return {
    type,
    ...(type === 6 || type === 14 ? { ...(r.chance(1, 2) ? { reflected: r.chance(1, 2) } : {}) } : {}),
    ...(type === 1 || type === 2 ? { initTag: r.pick([1, 1, 2, 0]) } : {}),
  };
}

/** Chunks of a first packet, or of one that follows `after`. */
export function sctpChunks(r: Random, after?: Packet): { sctp?: SctpChunks } {
  if (r.chance(1, 25)) return {};
  const last = after?.sctp?.chunks[0]?.type;
  const next = last === undefined ? 1 : (PLAN[PLAN.indexOf(last) + 1] ?? 0);
  const type = r.chance(2, 3) ? next : r.pick([...PLAN, 200]);
  const more = r.chance(1, 8) ? r.some([0, 3, 4, 5, 9, 11, 14], 0, 3) : [];
  const withInit = type === 1 || type === 2;
  const types = r.chance(1, 60) ? [] : [type, ...more.filter(() => !withInit || r.chance(1, 2))];
  return {
    sctp: {
      tag: type === 1 && r.chance(9, 10) ? 0 : r.pick([1, 1, 1, 2, 0]),
      chunks: types.map((one) => chunk(r, one)),
    },
  };
}
