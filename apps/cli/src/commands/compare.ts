/** `podwire compare MODE MODE`: what would change if another proxy mode handled the Services. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, type InputFlags, PROXY_MODES } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface CompareFlags extends InputFlags {
  output: 'text' | 'wide' | 'json' | 'yaml';
  exitZero?: boolean;
}

export function compareCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('compare')
    .summary('what another proxy mode would change, for whom, and why')
    .description(
      'Sends the same connections to every address and port of every Service through two proxy modes, from one of each sort of place, and lists those that fare differently: the outcome, the error, the endpoints, or the source that is seen.',
    )
    .addArgument(new Argument('<mode>', 'the proxy mode on the left').choices(PROXY_MODES))
    .addArgument(new Argument('<other>', 'the one on the right').choices(PROXY_MODES));
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .option('--exit-zero', 'exit with 0 whatever differs')
    .addHelpText(
      'after',
      `\nExamples:\n  ${name} compare iptables nftables -f snapshot.tgz\n  ${name} compare iptables nftables -f manifests/ -o json\n\nExit code: 0 nothing differs, 1 something does, 2 bad input or usage, 3 undecided.\n`,
    );
  return command.action(async (left: string, right: string, flags: CompareFlags) => {
    const { runCompare } = await import('./compare-run.ts');
    done(await runCompare({ modes: [left, right], flags, name, streams }));
  });
}
