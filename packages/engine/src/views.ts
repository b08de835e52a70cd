/** The only holder of views into the engine's memory. They are renewed where the memory has grown, and never kept across a call. */
export class Views {
  readonly memory: WebAssembly.Memory;
  #u8: Uint8Array<ArrayBuffer>;
  #u16: Uint16Array<ArrayBuffer>;
  #u32: Uint32Array<ArrayBuffer>;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    const buffer = memory.buffer as ArrayBuffer;
    this.#u8 = new Uint8Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#u32 = new Uint32Array(buffer);
  }

  /** Growth detaches the old buffer, whose length is then 0. */
  #renew(): void {
    const buffer = this.memory.buffer as ArrayBuffer;
    this.#u8 = new Uint8Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#u32 = new Uint32Array(buffer);
  }

  get u8(): Uint8Array<ArrayBuffer> {
    if (this.#u8.byteLength === 0) this.#renew();
    return this.#u8;
  }

  get u16(): Uint16Array<ArrayBuffer> {
    if (this.#u16.byteLength === 0) this.#renew();
    return this.#u16;
  }

  get u32(): Uint32Array<ArrayBuffer> {
    if (this.#u32.byteLength === 0) this.#renew();
    return this.#u32;
  }
}
