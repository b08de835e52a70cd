/** `podwire env POD`: the environment variables that a pod's containers get. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface EnvFlags extends InputFlags {
  container?: string;
  output: 'text' | 'wide' | 'json' | 'yaml';
}

export function envCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('env')
    .summary("what a pod's containers find in their environment")
    .description(
      'Shows the environment variables that the kubelet gives each container, and where each comes from: env, envFrom, the downward API, and the Services of the namespace. Values of Secrets are never shown.',
    )
    .addArgument(new Argument('<pod>', 'a pod, or a workload for its first pod'))
    .option('-c, --container <name>', 'this container alone');
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
Examples:
  ${name} env deploy/web -n shop -f manifests/
  ${name} env shop/web-7d9f -c web -o json -f snapshot.json

Exit code: 0 every container starts, 1 one cannot (a reference leads nowhere), 2 bad input or usage, 3 undecided.
`,
    );
  return command.action(async (pod: string, flags: EnvFlags) => {
    const { runEnv } = await import('./env-run.ts');
    done(await runEnv({ pod, flags, name, streams }));
  });
}
