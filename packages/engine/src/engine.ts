/** The WebAssembly engine as a `Machine`. */
import { type Abi, type Calls, readAbi } from './abi.ts';
import { Arena } from './arena.ts';
import { compileEngine, type WasmSource } from './compile.ts';
import { fitsFilter } from './conntrack-filter.ts';
import { Decoder } from './decode.ts';
import { encodeNetwork } from './encode.ts';
import type { Objects } from './encoding.ts';
import { EngineError, throwFailure } from './errors.ts';
import type { Machine } from './machine.ts';
import type { ConntrackEntry, ConntrackFilter, Network } from './network.ts';
import type { Packet } from './packet.ts';
import { writeNested } from './packet-record.ts';
import { Views } from './views.ts';
import type { Choice, Walk } from './walk.ts';

export interface EngineOptions {
  /** The engine's file; `engine.wasm` beside the package's own where absent. */
  wasm?: WasmSource;
  /** Index every list, however short: slower for small networks, and only of use to tests of the indexes. */
  indexAll?: boolean;
}

export interface Engine extends Machine {
  /** Bytes of memory that the engine holds. */
  readonly bytes: number;
  /** Lets go of the memory; every later call throws. */
  dispose(): void;
}

/** What is missing, or of another type than it is declared with, comes from outside of what types are checked in. */
function misshapen(what: string, error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error;
  return new EngineError('BAD_VALUE', `${what} is not made as its type says: ${error.message}`);
}

class WasmEngine implements Engine {
  #calls: Calls | undefined;
  readonly #abi: Abi;
  readonly #views: Views;
  #objects: Objects | undefined;
  #decoder: Decoder | undefined;
  /** Where the records of links start. */
  #linksAt = 0;
  /** First byte that networks are written to. */
  readonly #heap: number;
  /** Last byte that a network was written to. */
  #written = 0;

  constructor(instance: WebAssembly.Instance, indexAll: boolean) {
    const { abi, calls } = readAbi(instance.exports);
    this.#abi = abi;
    this.#calls = calls;
    this.#views = new Views(calls.memory);
    if (indexAll) calls.indexAll();
    this.#heap = calls.open() >>> 0;
    if (this.#heap === 0) throw new EngineError('OUT_OF_MEMORY', 'there is no room for the machine itself');
  }

  get #live(): Calls {
    if (!this.#calls) throw new EngineError('DISPOSED', 'the engine was disposed of');
    return this.#calls;
  }

  get bytes(): number {
    return this.#calls ? this.#views.memory.buffer.byteLength : 0;
  }

  load(network: Network): void {
    const calls = this.#live;
    try {
      this.#place(calls, network);
    } catch (error) {
      // What was loaded before is overwritten in part, connections too: no call may find it.
      this.#place(calls, { netnses: [] });
      throw error;
    }
  }

  #place(calls: Calls, network: Network): void {
    this.#objects = undefined;
    this.#decoder = undefined;
    const arena = new Arena(this.#views, this.#heap, Math.max(calls.used() >>> 0, this.#written));
    const { manifest, objects, linksAt } = this.#encode(arena, network);
    this.#linksAt = linksAt;
    throwFailure(calls.load(manifest));
    this.#objects = objects;
    this.#decoder = new Decoder(this.#abi, this.#views, objects);
  }

  #encode(arena: Arena, network: Network): ReturnType<typeof encodeNetwork> {
    try {
      return encodeNetwork(this.#abi, arena, network);
    } catch (error) {
      throw misshapen('the network', error);
    } finally {
      // A network that contradicts itself is written in part.
      this.#written = arena.end;
    }
  }

  reset(): void {
    this.#live.reset();
  }

  script(answers: readonly number[]): void {
    const capacity = this.#abi.SCRIPT_CAPACITY;
    if (answers.length > capacity)
      throw new EngineError('CHOICES_FULL', `a script has at most ${capacity} answers, not ${answers.length}`);
    const calls = this.#live;
    this.#views.u32.set(answers, this.#abi.SCRIPT_BASE >>> 2);
    calls.setScript(answers.length);
  }

  choices(): Choice[] {
    const count = this.#live.choiceCount();
    return this.#decoder?.choices(count) ?? [];
  }

  nth(mode: 'count' | 'choice'): void {
    this.#live.nthMode(mode === 'choice' ? 1 : 0);
  }

  advance(ms: number): void {
    this.#live.advance(ms);
  }

  send(netns: string, packet: Packet, options: { link?: string } = {}): Walk {
    const calls = this.#live;
    const [number, at] = this.#netns(netns);
    let link = 0;
    if (options.link !== undefined) {
      const found = this.#objects?.links.find(number, options.link);
      if (found === undefined)
        throw new EngineError('UNKNOWN_LINK', `network namespace ${netns} has no link ${options.link}`);
      link = this.#linksAt + found * this.#abi.LINK_SIZE;
    }
    try {
      writeNested(this.#abi, this.#views, this.#abi.PACKET_BASE, packet);
    } catch (error) {
      throw misshapen('the packet', error);
    }
    throwFailure(calls.send(at, link));
    return this.#walk(calls);
  }

  answer(): Walk | undefined {
    const calls = this.#live;
    const sent = calls.answer();
    throwFailure(calls.takeFailure());
    return sent === 0 ? undefined : this.#walk(calls);
  }

  conntrack(netns: string): ConntrackEntry[] {
    const calls = this.#live;
    const [, at] = this.#netns(netns);
    return this.#flows(calls, at).map(({ entry }) => entry);
  }

  flush(netns?: string, filter?: ConntrackFilter): void {
    const calls = this.#live;
    const at = netns === undefined ? 0 : this.#netns(netns)[1];
    if (!filter) calls.flush(at);
    else for (const flow of this.#flows(calls, at)) if (fitsFilter(flow.entry, filter)) calls.forget(flow.at);
  }

  #flows(calls: Calls, netns: number): { at: number; entry: ConntrackEntry }[] {
    return this.#decoder?.entries(calls.flowsFirst() >>> 0, netns, calls.clock()) ?? [];
  }

  dispose(): void {
    this.#calls = undefined;
    this.#objects = undefined;
    this.#decoder = undefined;
  }

  /** Number and address of a namespace. */
  #netns(name: string): [number: number, at: number] {
    const number = this.#objects?.netnsByName.get(name);
    const at = number === undefined ? undefined : this.#objects?.netnsAt[number];
    if (number === undefined || at === undefined)
      throw new EngineError('UNKNOWN_NETNS', `no network namespace ${name} is loaded`);
    return [number, at];
  }

  #walk(calls: Calls): Walk {
    const decoder = this.#decoder as Decoder;
    return { steps: decoder.steps(calls.traceLength(), calls.clock()), end: decoder.end() };
  }
}

/** Called by debug builds where an assertion does not hold. */
function abort(_message: number, _file: number, line: number, column: number): never {
  throw new EngineError('BROKEN', `an assertion of the engine does not hold (${line}:${column})`);
}

/**
 * A machine in WebAssembly, in Node (20 and later), browsers and workers. Each has a memory of its own; a compiled module
 * (`compileEngine`) may be shared by any number of them. Browsers need `'wasm-unsafe-eval'` in their content security policy.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const module = await compileEngine(options.wasm);
  return new WasmEngine(await WebAssembly.instantiate(module, { env: { abort } }), options.indexAll === true);
}
