import { compileEngine } from '@podwire/engine';

let compiled: Promise<WebAssembly.Module> | undefined;

/** The engine, compiled once for all subjects; what one of them has warmed up stays warm for the others. */
export function wasm(): Promise<WebAssembly.Module> {
  compiled ??= compileEngine();
  return compiled;
}
