/** `podwire pod POD`: the network that a pod's containers share, and what clashes in it. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface PodFlags extends InputFlags {
  output: 'text' | 'wide' | 'json' | 'yaml';
  exitZero?: boolean;
}

export function podCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('pod')
    .summary('the network inside a pod: ports, listeners, clashes')
    .description(
      'Shows what the containers of a pod share, the ports they declare and listen on, and what clashes: between containers, with other pods and programs of the node, with node ports.',
    )
    .addArgument(new Argument('<pod>', 'a pod, or a workload for its first pod'));
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .option('--exit-zero', 'exit with 0 whatever is found')
    .addHelpText(
      'after',
      `
Examples:
  ${name} pod shop/web-7d9f -f snapshot.json
  ${name} pod deploy/web -n shop -f manifests/ -o json

Exit code: 0 nothing is wrong (warnings aside), 1 something clashes, 2 bad input or usage.
`,
    );
  return command.action(async (pod: string, flags: PodFlags) => {
    const { runPod } = await import('./pod-run.ts');
    done(await runPod({ pod, flags, name, streams }));
  });
}
