/** `podwire network`: the three requirements of the Kubernetes network model. */
import { Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface NetworkFlags extends InputFlags {
  output: 'text' | 'wide' | 'json' | 'yaml';
  exitZero?: boolean;
}

function examples(name: string): string {
  return `
Examples:
  ${name} network -f snapshot.tgz
  ${name} network -f snapshot.tgz --node worker-1=dumps/

Exit code: 0 it holds, 1 it does not, 2 bad input or usage, 3 undecided.
`;
}

export function networkCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('network')
    .summary('does every pod reach every pod, as the network model asks?')
    .description(
      'Sends echo requests between pods and from nodes to pods, and checks the three requirements of the Kubernetes network model: every pod reaches every pod without NAT, every node every pod, and a pod sees itself as others see it. Network policies are no part of it.',
    );
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .option('--exit-zero', 'exit with 0 whatever holds')
    .addHelpText('after', examples(name));
  return command.action(async (flags: NetworkFlags) => {
    const { runNetwork } = await import('./network-run.ts');
    done(await runNetwork({ flags, name, streams }));
  });
}
