/** `podwire node read DIR`: what a folder of dumps holds, and what of it was understood. */
import { Argument, Command, Option } from 'commander';
import type { Streams } from '../shell/streams.ts';

export interface NodeReadFlags {
  name: string;
  output: 'text' | 'wide' | 'json' | 'yaml';
}

export function nodeCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const read = new Command('read')
    .summary('what dumps of a node hold, and which lines were not understood')
    .description(
      'Reads what the tools of Linux printed on a node: ip, bridge, iptables-save, ipset, conntrack, ss, sysctl and files of /proc. Files are told by their content; support bundles and sos reports are searched.',
    )
    .addArgument(new Argument('<path>', 'folder, tar(.gz) or file; - for standard input'))
    .option('--name <name>', 'name of the node', 'node')
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `\nExamples:\n  ${name} node read dumps/worker-1\n  ${name} node read sosreport.tar.gz -o json\n  ${name} trace 10.0.0.5 93.184.216.34:443 --node router=dumps/router\n`,
    )
    .action(async (path: string, flags: NodeReadFlags) => {
      const { runNodeRead } = await import('./node-run.ts');
      done(await runNodeRead({ path, flags, name, streams }));
    });
  const command = new Command('node').summary('what dumps of a node hold').description('Reads dumps of nodes.');
  read.copyInheritedSettings(command);
  return command.addCommand(read);
}
