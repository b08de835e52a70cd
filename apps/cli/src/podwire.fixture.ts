/** The program in a test's own process: what it prints, and how it ends. */
import { Readable } from 'node:stream';
import { run } from './main.ts';
import type { Streams } from './shell/streams.ts';

interface Ran {
  exitCode: number;
  out: string;
  err: string;
}

interface Around {
  stdin?: string;
  env?: NodeJS.ProcessEnv;
  color?: Streams['color'];
  /** Of a terminal; none where absent. */
  columns?: number;
}

export async function runPodwire(
  args: readonly string[],
  { stdin = '', env = {}, color = 'never', columns }: Around = {},
): Promise<Ran> {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      written[name] += text;
    },
    ...(columns !== undefined && { isTTY: true, columns }),
  });
  const exitCode = await run('podwire', [...args], {
    input: Readable.from([stdin]),
    out: stream('out'),
    err: stream('err'),
    env,
    color,
  });
  return { exitCode, ...written };
}

export const podwire = (...args: string[]): Promise<Ran> => runPodwire(args);
