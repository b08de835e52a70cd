/** `podwire why`: the doctor for one question, from name to socket and back. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, afterOption, fullOption, type InputFlags, wholeNumber } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface WhyFlags extends InputFlags {
  proto?: 'tcp' | 'udp' | 'sctp' | 'icmp';
  port?: string;
  size?: number;
  ct?: 'new' | 'established';
  after?: string[];
  full?: 'ports' | 'table';
  output: 'text' | 'wide' | 'json' | 'yaml';
  exitZero?: boolean;
}

function examples(name: string): string {
  return `
Examples:
  ${name} why svc/api -n shop -f snapshot.tgz              why does this Service not answer?
  ${name} why deploy/web svc/api:http -n shop -f manifests/
  ${name} why shop/web-7d9f dns:api.shop -f cluster.json   why is this name not found?
  ${name} why svc/api -f cluster.json --node worker-1=iptables-save.txt

Exit code: 0 it works, 1 it does not, 2 bad input or usage, 3 undecided.
`;
}

export function whyCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('why')
    .summary('the first broken link from name to socket, and the mend')
    .description(
      'Goes from the name over ports, selector, readiness, endpoints, rules, firewalls and routes to the listener and back, and names the first link that is broken, what is to blame, and the mend.',
    )
    .usage('[options] [from] <to>')
    .addArgument(new Argument('<ends...>', 'who sends (a pod beside it where only one end is given), and who is meant'))
    .optionsGroup('Packet:')
    .addOption(new Option('--proto <protocol>', 'protocol').choices(['tcp', 'udp', 'sctp', 'icmp']))
    .option('--port <port>', 'destination port: number, or name of a Service or container port')
    .option('--size <bytes>', 'bytes of the packet, IP header included, to see what fits', wholeNumber(28, 65535))
    .addOption(
      new Option('--ct <state>', 'with --after: a packet of the old connection (default), or a new one').choices([
        'new',
        'established',
      ]),
    )
    .addOption(afterOption())
    .addOption(fullOption());
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .option('--exit-zero', 'exit with 0 whatever the verdict')
    .addHelpText('after', examples(name));
  return command.action(async (ends: string[], flags: WhyFlags) => {
    const { runWhy } = await import('./why-run.ts');
    done(await runWhy({ ends, flags, name, streams }));
  });
}
