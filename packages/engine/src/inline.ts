/** `@podwire/engine/inline`: the engine's WebAssembly bytes as a module, for hosts that cannot fetch a file. */
export { default as wasm } from '../dist/engine.wasm';
