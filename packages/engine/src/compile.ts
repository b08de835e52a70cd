/** From whatever holds the engine's WebAssembly file to a compiled module. */
import { EngineError } from './errors.ts';

/** The engine's file: compiled, as bytes, as an answer of `fetch`, or where it is (a URL, or text that is one). */
export type WasmSource =
  | WebAssembly.Module
  | ArrayBufferView<ArrayBuffer>
  | ArrayBuffer
  | Response
  | PromiseLike<Response>
  | URL
  | string;

/** The part of Node that reads files; asked for by name, so that bundlers for the web see no import. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs'): { readFileSync(path: URL): Uint8Array<ArrayBuffer> } | undefined;
}

function readFile(url: URL): Uint8Array<ArrayBuffer> {
  const { process } = globalThis as { process?: NodeProcess };
  const fs = process?.getBuiltinModule?.('node:fs');
  if (!fs) throw new EngineError('NO_WASM', `${url.href}: this host reads no files`);
  return fs.readFileSync(url);
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw new EngineError('NO_WASM', `${response.url}: HTTP ${response.status}`);
  if (response.headers.get('content-type') === 'application/wasm') return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/**
 * Compiles the engine once, for any number of engines and maps (`wasm` of their options). Without a source it takes `engine.wasm` from
 * beside this module. Throws `EngineError` NO_WASM where the file cannot be read.
 */
export async function compileEngine(
  source: WasmSource = new URL('../dist/engine.wasm', import.meta.url),
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  if (typeof source === 'string' || source instanceof URL) {
    const url = new URL(source);
    return url.protocol === 'file:' ? WebAssembly.compile(readFile(url)) : compileResponse(await fetch(url));
  }
  return compileResponse(await source);
}
