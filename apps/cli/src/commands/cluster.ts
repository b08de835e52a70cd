/** `podwire cluster`: what was read, assumed, ignored and is not modelled. */
import { Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface ClusterFlags extends InputFlags {
  output: 'text' | 'wide' | 'json' | 'yaml';
}

export function clusterCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('cluster')
    .summary('what was read, assumed, ignored, and is not modelled')
    .description(
      'Shows the cluster as podwire understands the input: objects, settings and how each was found, assumptions, problems.',
    );
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .addHelpText('after', `\nExamples:\n  ${name} cluster -f manifests/\n  ${name} cluster -f snapshot.tgz -o json\n`);
  return command.action(async (flags: ClusterFlags) => {
    const { runCluster } = await import('./cluster-run.ts');
    done(await runCluster({ flags, name, streams }));
  });
}
