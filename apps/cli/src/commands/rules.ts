/** `podwire rules NODE`: what any node would hold, in the tools' own syntax. */
import { Argument, Command, Option } from 'commander';
import { addInputOptions, type InputFlags } from '../input/options.ts';
import type { Streams } from '../shell/streams.ts';

/** Sections, in the order printed. */
const SECTIONS = [
  'iptables',
  'ip6tables',
  'ebtables',
  'arptables',
  'nft',
  'link',
  'addr',
  'route',
  'rule',
  'neigh',
  'nexthop',
  'fdb',
  'ipset',
  'ipvs',
  'ebpf',
  'sysctl',
  'ss',
  'conntrack',
] as const;
type Section = (typeof SECTIONS)[number];

export interface RulesFlags extends InputFlags {
  only?: Section[];
  pod?: string;
  check?: boolean;
  output: 'text' | 'json';
}

export function rulesCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  const command = new Command('rules')
    .summary("what a node's Linux holds, as its tools print it")
    .description('Prints what iptables-save, ip route, ip addr and others would print on a node, or inside a pod.')
    .addArgument(new Argument('[node]', 'name of the node; without it the nodes are listed'))
    .addOption(new Option('--only <sections...>', 'which parts').choices([...SECTIONS]))
    .option('--pod <name>', "inside this pod's network namespace instead of the node's")
    .option('--check', 'find rules that can never match or change nothing; without a node, in the rules that -f holds')
    .addOption(
      new Option('-o, --output <format>', 'form of what --check finds').choices(['text', 'json']).default('text'),
    );
  addInputOptions(command).addHelpText(
    'after',
    `\nExamples:\n  ${name} rules worker-1 -f snapshot.tgz\n  ${name} rules worker-1 -f manifests/ --only iptables > worker-1.rules\n  ${name} rules --pod shop/web-7d9f -f snapshot.tgz --only route addr\n  ${name} rules worker-1 --check -f snapshot.tgz\n  iptables-save | ${name} rules --check -f -\n\nExit code with --check: 0 nothing found, 1 something found, 2 bad input or usage, 3 not all could be looked at.\n`,
  );
  return command.action(async (node: string | undefined, flags: RulesFlags) => {
    const { runRules } = await import('./rules-run.ts');
    done(await runRules({ node, flags, name, streams }));
  });
}
