/** `podwire completion SHELL` prints the script; the script calls the hidden `complete` at each TAB. The library behind it is known to this file and `completion-run.ts` alone. */
import { Argument, Command } from 'commander';
import type { Streams } from '../shell/streams.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'];

export function completionCommand(name: string, streams: Streams, done: (exitCode: number) => void): Command {
  return new Command('completion')
    .summary('script that completes commands, options and names')
    .description(
      'Prints the completion script of a shell. With -f on the line, names of the cluster are completed too.',
    )
    .addArgument(new Argument('<shell>', 'shell').choices(SHELLS))
    .addHelpText(
      'after',
      `\nExamples:\n  source <(${name} completion bash)\n  ${name} completion zsh > "\${fpath[1]}/_podwire"\n  ${name} completion fish > ~/.config/fish/completions/podwire.fish\n`,
    )
    .action(async (shell: string) => {
      const { printScript } = await import('./completion-run.ts');
      printScript(shell, name, streams);
      done(0);
    });
}
