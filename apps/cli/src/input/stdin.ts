import { UserError } from '../shell/exit.ts';

/** Everything a stream has to say, up to `bytesMax` bytes. */
export async function readAll(stream: NodeJS.ReadableStream, bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.byteLength;
    if (bytes > bytesMax) {
      throw new UserError(`standard input is larger than ${bytesMax / 1024 / 1024} MiB`, {
        mend: 'Give files or a folder instead.',
      });
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}
