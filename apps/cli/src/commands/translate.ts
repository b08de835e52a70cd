/** `podwire translate FILE`: rules of iptables as nftables, and back. */
import { Argument, Command, Option } from 'commander';
import type { Streams } from '../shell/streams.ts';

export interface TranslateFlags {
  to?: 'nft' | 'iptables';
  family?: 'ipv4' | 'ipv6';
  check?: boolean;
  quiet?: boolean;
  output: 'text' | 'json' | 'yaml';
}

export function translateCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  return new Command('translate')
    .summary('rules of iptables as nftables, and back')
    .description(
      'Writes rules in the words of the other tool where they mean the same, names each part that has none there with file and line, and shows that both decide every packet alike, or a packet that they do not. Reads what iptables-save, ip6tables-save, ebtables-save and arptables-save print, calls of these tools, nft list ruleset, nft -j and scripts for nft -f.',
    )
    .addArgument(new Argument('[files...]', 'files of one node; - or none for standard input'))
    .addOption(
      new Option('--to <tool>', 'what to write; what the files are not written in, unless said').choices([
        'nft',
        'iptables',
      ]),
    )
    .addOption(
      new Option('--family <family>', 'of what is written for iptables; both otherwise, one behind the other').choices([
        'ipv4',
        'ipv6',
      ]),
    )
    .option('--check', 'compare both sides packet by packet however many rules there are (otherwise up to 2000)')
    .option('--no-check', 'do not compare')
    .option('-q, --quiet', 'nothing on standard error about what is not translated')
    .addOption(
      new Option('-o, --output <format>', 'form of the answer').choices(['text', 'json', 'yaml']).default('text'),
    )
    .addHelpText(
      'after',
      `\nExamples:\n  iptables-save | ${name} translate > rules.nft && nft -c -f rules.nft\n  ${name} translate v4.rules v6.rules -o json\n  nft list ruleset | ${name} translate --family ipv4 | iptables-restore --test\n\nExit code: 0 all of it, 1 something has no words there or decides otherwise, 2 bad input or usage, 3 it could not be shown.\n`,
    )
    .action(async (files: string[], flags: TranslateFlags) => {
      const { runTranslate } = await import('./translate-run.ts');
      done(await runTranslate(files, flags, streams));
    });
}
