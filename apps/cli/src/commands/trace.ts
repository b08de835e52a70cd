/** `podwire trace FROM TO`: does the packet arrive, how, and why not. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, afterOption, fullOption, type InputFlags, wholeNumber } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface TraceFlags extends InputFlags {
  proto?: 'tcp' | 'udp' | 'sctp' | 'icmp';
  icmp?: boolean;
  port?: string;
  sport?: number;
  size?: number;
  uid?: number;
  gid?: number;
  ct?: 'new' | 'established';
  established?: boolean;
  after?: string[];
  full?: 'ports' | 'table';
  ipv4?: boolean;
  ipv6?: boolean;
  output: 'text' | 'wide' | 'json' | 'yaml' | 'markdown' | 'mermaid';
  minimal?: boolean;
  summary?: boolean;
  detailed?: boolean;
  all?: boolean;
  exitZero?: boolean;
}

const ENDS = `
Ends:
  web, shop/web, pod/web, deploy/web, sts/db, ds/agent   pods, or every pod of a workload
  svc/api, svc/api:http, api.shop:80, tcp:api.shop:80    a Service, also by its DNS name
  10.0.0.1, 10.0.0.1:80, [fd00::1]:80, node/worker-1     an address, a node
  external, external:203.0.113.9                         the world outside the cluster
`;

function examples(name: string): string {
  return `
Examples:
  ${name} trace deploy/web svc/api:http -n shop -f manifests/
  ${name} trace shop/web-7d9f tcp:api.shop:80 -f snapshot.tgz --detailed
  ${name} trace deploy/web svc/api -f cluster.json --after "delete pod/api-1"    what becomes of open connections?
  ${name} trace external node/worker-1:30080 -f cluster.json
  kubectl get nodes,pods,svc,endpointslices,netpol -A -o json | ${name} trace shop/web svc/api -f -

Exit code: 0 it arrives, 1 it does not, 2 bad input or usage, 3 undecided.
`;
}

export function traceCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('trace')
    .summary('what happens to a packet, and why')
    .description(
      'Sends a packet through the cluster as the input describes it, and back, and says what decided its fate.',
    )
    .addArgument(new Argument('<from>', 'who sends: pod, workload, node, address or external'))
    .addArgument(new Argument('<to>', 'who is meant: Service, pod, workload, node, address, DNS name or external'))
    .optionsGroup('Packet:')
    .addOption(new Option('--proto <protocol>', 'protocol').choices(['tcp', 'udp', 'sctp', 'icmp']))
    .addOption(new Option('--icmp', 'send an echo request (ping)').implies({ proto: 'icmp' }))
    .option('--port <port>', 'destination port: number, or name of a Service or container port')
    .option('--sport <port>', 'source port', wholeNumber(1, 65535))
    .option('--size <bytes>', 'bytes of the packet, IP header included, to see what fits', wholeNumber(28, 65535))
    .option('--uid <id>', 'user of the process that sends, for rules that ask (-m owner)', wholeNumber(0, 4294967294))
    .option('--gid <id>', 'its group', wholeNumber(0, 4294967294))
    .addOption(
      new Option(
        '--ct <state>',
        'which packet of the connection: its first (default without --after), or one after the reply',
      ).choices(['new', 'established']),
    )
    .addOption(
      new Option('--established', 'the connection is there already: as --ct established').implies({
        ct: 'established',
      }),
    )
    .addOption(afterOption())
    .addOption(fullOption())
    .addOption(new Option('-4, --ipv4', 'only IPv4').conflicts('ipv6'))
    .addOption(new Option('-6, --ipv6', 'only IPv6').conflicts('ipv4'));
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml', 'markdown', 'mermaid'])
        .default('text'),
    )
    .addOption(new Option('--minimal', 'a line for each verdict').conflicts(['summary', 'detailed', 'all']))
    .addOption(
      new Option('--summary', 'where the packet goes, and what decides (default)').conflicts(['detailed', 'all']),
    )
    .addOption(new Option('--detailed', 'every matched rule with its text').conflicts('all'))
    .addOption(new Option('--all', 'every endpoint and every replica by itself, every step'))
    .option('--exit-zero', 'exit with 0 whatever the verdict')
    .addHelpText('after', ENDS + examples(name));
  return command.action(async (from: string, to: string, flags: TraceFlags) => {
    const { runTrace } = await import('./trace-run.ts');
    done(await runTrace({ from, to, flags, name, streams }));
  });
}
