/** `podwire doctor`: what cannot work, without a question. */
import { Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface DoctorFlags extends InputFlags {
  output: 'text' | 'wide' | 'json' | 'yaml';
  failOn: 'broken' | 'suspect' | 'never';
}

function examples(name: string): string {
  return `
Examples:
  ${name} doctor -f manifests/
  ${name} doctor -f snapshot.tgz --node worker-1=dumps/
  helm template . | ${name} doctor -f - --fail-on suspect

Exit code: 0 nothing found, 1 something broken (--fail-on), 2 bad input or usage.
`;
}

export function doctorCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('doctor')
    .summary('everything that cannot work, without a question')
    .description(
      'Follows every reference (selectors, port names, classes, namespaces, secrets, targets), looks for Services that cannot answer and for node settings that break packets, and ranks what it finds.',
    );
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .addOption(
      new Option('--fail-on <rank>', 'from what on to exit with 1')
        .choices(['broken', 'suspect', 'never'])
        .default('broken'),
    )
    .addHelpText('after', examples(name));
  return command.action(async (flags: DoctorFlags) => {
    const { runDoctor } = await import('./doctor-run.ts');
    done(await runDoctor({ flags, name, streams }));
  });
}
