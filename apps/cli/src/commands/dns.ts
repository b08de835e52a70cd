/** `podwire dns POD NAME`: what a pod's resolver asks for a name, what it is answered, and whether the questions arrive. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

export interface DnsFlags extends InputFlags {
  client: 'glibc' | 'musl';
  type?: string;
  resolvConf?: string;
  output: 'text' | 'wide' | 'json' | 'yaml';
  exitZero?: boolean;
}

export function dnsCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('dns')
    .summary('what a name is to a pod, and why')
    .description(
      "Shows a pod's resolv.conf, the questions that its resolver asks for a name in their order, the answers of the cluster DNS, and what becomes of the questions on their way there.",
    )
    .addArgument(new Argument('<pod>', 'who asks: a pod, or a workload for its first pod'))
    .addArgument(new Argument('<name>', 'the name, as the program has it'))
    .optionsGroup('Question:')
    .addOption(
      new Option('--client <library>', "whose resolver: glibc's, or musl's (Alpine)")
        .choices(['glibc', 'musl'])
        .default('glibc'),
    )
    .option('--type <type>', 'one question for records of this type, without searching (as dig): A, AAAA, SRV, PTR ...')
    .option('--resolv-conf <file>', "the node's own resolv.conf");
  addInputOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'form of the answer')
        .choices(['text', 'wide', 'json', 'yaml'])
        .default('text'),
    )
    .option('--exit-zero', 'exit with 0 whatever the answer')
    .addHelpText(
      'after',
      `
Examples:
  ${name} dns deploy/web api -n shop -f manifests/
  ${name} dns shop/web-7d9f api.shop --client musl -f snapshot.json
  ${name} dns shop/web-7d9f _http._tcp.api.shop.svc.cluster.local --type SRV -f snapshot.json

Exit code: 0 the name has an address, 1 it has none or nobody answers, 2 bad input or usage, 3 undecided.
`,
    );
  return command.action(async (pod: string, asked: string, flags: DnsFlags) => {
    const { runDns } = await import('./dns-run.ts');
    done(await runDns({ pod, asked, flags, name, streams }));
  });
}
