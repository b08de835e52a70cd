/** An ordered list of rules on its own: which is the first that a packet's header fits, out of thousands, in one or a few hash probes. */
import { type Abi, readAbi } from './abi.ts';
import { Arena } from './arena.ts';
import { compileEngine, type WasmSource } from './compile.ts';
import { encodeNetwork } from './encode.ts';
import { EngineError, throwFailure } from './errors.ts';
import type { Network } from './network.ts';
import type { Family, Packet } from './packet.ts';
import { writeHeader } from './packet-record.ts';
import type { Match } from './rule.ts';
import { Views } from './views.ts';

/** Tests that look at the header alone. */
export type HeaderMatch = Extract<
  Match,
  {
    kind:
      | 'saddr'
      | 'daddr'
      | 'protocol'
      | 'tcp'
      | 'udp'
      | 'sctp'
      | 'icmp'
      | 'icmp6'
      | 'multiport'
      | 'iprange'
      | 'tos'
      | 'ttl'
      | 'length'
      | 'mark';
  }
>;

export interface RuleListOptions {
  family: Family;
  /** For each rule its tests, all of which must hold. */
  rules: readonly (readonly HeaderMatch[])[];
  /** The engine's file; see `compileEngine`. */
  wasm?: WasmSource;
}

export interface RuleList {
  readonly family: Family;
  /** Number of rules. */
  readonly size: number;
  /** Position of the first rule that fits; -1 where none does. */
  first(packet: Packet): number;
  /** Bytes that a packet takes among many. */
  readonly packetBytes: number;
  /** Writes a packet among `packets`, the one number `index`. */
  encode(packet: Packet, packets: Uint8Array<ArrayBuffer>, index: number): void;
  /** Writes the position of the first rule that fits, or -1, for each packet. */
  firstMany(packets: Uint8Array<ArrayBuffer>, positions: Int32Array): void;
}

/** What the engine offers (assembly/chain/first.ts, assembly/store/stage.ts). */
interface RuleCalls {
  STAGE_KEYS: WebAssembly.Global<'i32'>;
  STAGE_IN: WebAssembly.Global<'i32'>;
  STAGE_OUT: WebAssembly.Global<'i32'>;
  rulesFindStaged(chain: number, count: number): void;
}

/** Packets on the stage stay in the fastest cache. */
const STAGED_BYTES = 16_384;

/** A network of one chain that nothing runs. */
function networkOf({ family, rules }: RuleListOptions): Network {
  const chain = { name: 'rules', rules: rules.map((body) => ({ body: [...body] })) };
  const table = { family: family === 4 ? ('ip' as const) : ('ip6' as const), name: 'list', chains: [chain] };
  return { netnses: [{ name: 'list', links: [], addresses: [], tables: [], sysctls: {}, netfilter: [table] }] };
}

class WasmRuleList implements RuleList {
  readonly family: Family;
  readonly size: number;
  readonly packetBytes: number;
  readonly #abi: Abi;
  readonly #views: Views;
  readonly #calls: RuleCalls;
  readonly #chain: number;

  constructor(instance: WebAssembly.Instance, options: RuleListOptions) {
    const { abi, calls } = readAbi(instance.exports);
    this.family = options.family;
    this.size = options.rules.length;
    this.packetBytes = abi.PACKET_HEADER_SIZE;
    this.#abi = abi;
    this.#views = new Views(calls.memory);
    this.#calls = instance.exports as unknown as RuleCalls;
    const arena = new Arena(this.#views, calls.open() >>> 0, 0);
    const { manifest } = encodeNetwork(abi, arena, networkOf(options));
    throwFailure(calls.load(manifest));
    this.#chain = this.#views.u32[(manifest + abi.MANIFEST_CHAINS) >>> 2] as number;
  }

  first(packet: Packet): number {
    const at = this.#calls.STAGE_IN.value;
    writeHeader(this.#abi, this.#views, at, packet);
    this.#calls.rulesFindStaged(this.#chain, 1);
    return this.#answers(1)[0] as number;
  }

  encode(packet: Packet, packets: Uint8Array<ArrayBuffer>, index: number): void {
    const { buffer, byteOffset, byteLength } = packets;
    const views = {
      u8: packets,
      u16: new Uint16Array(buffer, byteOffset, byteLength >> 1),
      u32: new Uint32Array(buffer, byteOffset, byteLength >> 2),
    };
    writeHeader(this.#abi, views, index * this.packetBytes, packet);
  }

  firstMany(packets: Uint8Array<ArrayBuffer>, positions: Int32Array): void {
    const count = packets.length / this.packetBytes;
    if (!Number.isInteger(count) || positions.length < count)
      throw new EngineError('BAD_VALUE', `${packets.length} bytes are not up to ${positions.length} packets`);
    const batch = Math.min(this.#calls.STAGE_KEYS.value, Math.floor(STAGED_BYTES / this.packetBytes));
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      const part = packets.subarray(first * this.packetBytes, (first + n) * this.packetBytes);
      this.#views.u8.set(part, this.#calls.STAGE_IN.value);
      this.#calls.rulesFindStaged(this.#chain, n);
      positions.set(this.#answers(n), first);
    }
  }

  #answers(count: number): Int32Array {
    return new Int32Array(this.#views.memory.buffer, this.#calls.STAGE_OUT.value, count);
  }
}

/** Lists rules to be looked up in. Throws `EngineError` for tests that contradict themselves. */
export async function createRuleList(options: RuleListOptions): Promise<RuleList> {
  const abort = (): never => {
    throw new EngineError('BROKEN', 'a check inside the engine failed');
  };
  const module = await compileEngine(options.wasm);
  return new WasmRuleList(await WebAssembly.instantiate(module, { env: { abort } }), options);
}
