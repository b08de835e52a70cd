/** `podwire explain REASON`: what a reason means, what is usually behind it, and what helps. */
import { Argument, Command, Option } from 'commander';
import type { Streams } from '../shell/streams.ts';

export function explainCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  return new Command('explain')
    .summary('what a reason means, its usual cause and fix')
    .description('Explains a reason code that an answer gives. Without one, lists them all.')
    .addArgument(new Argument('[reason]', 'code of a reason, as in an answer'))
    .addOption(
      new Option('-o, --output <format>', 'form of the answer').choices(['text', 'json', 'yaml']).default('text'),
    )
    .addHelpText('after', `\nExamples:\n  ${name} explain\n  ${name} explain no-endpoints\n`)
    .action(async (reason: string | undefined, flags: { output: 'text' | 'json' | 'yaml' }) => {
      const { runExplain } = await import('./explain-run.ts');
      done(await runExplain(reason, flags.output, streams));
    });
}
