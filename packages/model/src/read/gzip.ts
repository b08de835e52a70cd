export interface Inflated {
  bytes: Uint8Array;
  /** The data is damaged or ends early: `bytes` holds what came before. */
  damaged: boolean;
  /** It is larger than allowed: `bytes` is empty. */
  tooLarge: boolean;
}

/**
 * Decompress gzip data, in steps, so that a bomb is stopped at `maxBytes`. Of several streams in a row only the first is
 * sure to be read; what is left out counts as damage.
 */
export async function inflate(data: Uint8Array, maxBytes: number): Promise<Inflated> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let damaged = false;
  const reader = new Blob([data as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'))
    .getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > maxBytes) {
        await reader.cancel();
        return { bytes: new Uint8Array(0), damaged: false, tooLarge: true };
      }
      chunks.push(value);
    }
  } catch {
    damaged = true;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, damaged, tooLarge: false };
}
