/** The command line, put together. Each command's work is loaded when it is called, so that help comes at once. */
import { Command, Option } from 'commander';
import { clusterCommand } from './commands/cluster.ts';
import { compareCommand } from './commands/compare.ts';
import { completionCommand } from './commands/completion.ts';
import { dnsCommand } from './commands/dns.ts';
import { doctorCommand } from './commands/doctor.ts';
import { envCommand } from './commands/env.ts';
import { explainCommand } from './commands/explain.ts';
import { networkCommand } from './commands/network.ts';
import { nodeCommand } from './commands/node.ts';
import { podCommand } from './commands/pod.ts';
import { rulesCommand } from './commands/rules.ts';
import { traceCommand } from './commands/trace.ts';
import { translateCommand } from './commands/translate.ts';
import { whyCommand } from './commands/why.ts';
import type { Streams } from './shell/streams.ts';
import { VERSION } from './version.ts';

/** `done` gets the exit code of the command that ran. */
export function createProgram(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const program = new Command(name)
    .description('What happens to this packet in this Kubernetes cluster, and why? Exact, offline, with file and line.')
    .version(VERSION, '-V, --version')
    .addOption(new Option('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto'))
    .configureOutput({ writeOut: (text) => streams.out.write(text), writeErr: (text) => streams.err.write(text) })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(true)
    .hook('preAction', (_, action) => {
      streams.color = action.optsWithGlobals().color;
    })
    .addHelpText('after', `\nExample:\n  ${name} trace deploy/web svc/api:http -n shop -f manifests/\n`);
  for (const command of [
    traceCommand(name, streams, done),
    whyCommand(name, streams, done),
    doctorCommand(name, streams, done),
    networkCommand(name, streams, done),
    dnsCommand(name, streams, done),
    envCommand(name, streams, done),
    podCommand(name, streams, done),
    clusterCommand(name, streams, done),
    compareCommand(name, streams, done),
    rulesCommand(name, streams, done),
    nodeCommand(name, streams, done),
    translateCommand(name, streams, done),
    explainCommand(name, streams, done),
    completionCommand(name, streams, done),
  ]) {
    command.copyInheritedSettings(program);
    program.addCommand(command);
  }
  return program;
}
