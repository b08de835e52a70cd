/** The command line tool. One place starts it, one place ends it. */

import { createProgram } from './program.ts';
import { EXIT, reportError } from './shell/exit.ts';
import type { Output, Streams } from './shell/streams.ts';

/** A reader that left (`| head`) is no error of ours. */
function endQuietlyOnBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.YES);
    throw error;
  });
}

/** A stream of the process that is opened when it is first used: help needs one of the three. */
function output(open: () => NodeJS.WriteStream): Output {
  let stream: NodeJS.WriteStream | undefined;
  const opened = (): NodeJS.WriteStream => {
    if (!stream) {
      stream = open();
      endQuietlyOnBrokenPipe(stream);
    }
    return stream;
  };
  return {
    write: (text) => opened().write(text),
    get isTTY() {
      return opened().isTTY;
    },
    get columns() {
      return opened().columns;
    },
  };
}

/** Runs the tool under the name it was called by; resolves to the exit code. */
export async function main(name: string, args: readonly string[]): Promise<number> {
  const streams: Streams = {
    get input() {
      return process.stdin;
    },
    out: output(() => process.stdout),
    err: output(() => process.stderr),
    env: process.env,
    color: 'auto',
  };
  return run(name, args, streams);
}

/** The same with any streams: what the tests call. */
export async function run(name: string, args: readonly string[], streams: Streams): Promise<number> {
  let exitCode: number = EXIT.YES;
  const program = createProgram(name, streams, (code) => {
    exitCode = code;
  });
  try {
    if (args[0] === 'complete') {
      const { complete } = await import('./commands/completion-run.ts');
      await complete(program, args.slice(1));
      return EXIT.YES;
    }
    if (args.length === 0) {
      streams.err.write(program.helpInformation());
      return EXIT.BAD;
    }
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const report = reportError(error, name);
    if (report.lines.length > 0) streams.err.write(`${report.lines.join('\n')}\n`);
    return report.exitCode;
  }
}
