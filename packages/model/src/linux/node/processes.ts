/** Command lines of what runs on a host: `ps`, or the bare lines of /proc/PID/cmdline. */
import { type LineOptions, linesOf } from '../lines.ts';

/** `ps aux`, `ps -ef` and `ps` have so many columns before the command; a bare line may begin with the process's number. */
const COLUMNS: readonly (readonly [RegExp, RegExp])[] = [
  [/^USER\s+PID\s.*COMMAND\s*$/, /^(?:\S+\s+){10}/],
  [/^UID\s+PID\s+PPID\s.*CMD\s*$/, /^(?:\S+\s+){7}/],
  [/^\s*PID\s+TTY\s.*(?:CMD|COMMAND)\s*$/, /^\s*(?:\S+\s+){3,4}(?=[^\s\d])/],
  [/^\s*PID\s+USER\s.*(?:CMD|COMMAND)\s*$/, /^\s*(?:\S+\s+){3}/],
];

const BARE = /^\s*(?:\d+\s+)?/;

/** Programs by whose arguments packets are decided; what else runs there is nobody's business. */
const KNOWN =
  /^(?:\S*\/)?(?:kubelet|kube-proxy|kube-apiserver|kube-router|k3s|k3s-server|rke2|dockerd|flanneld)(?:\s|$)/;
const SECRET = /(--?[\w-]*(?:token|password|secret|passwd)[\w-]*)(?:=|\s+)(?!-)\S+/gi;

/** One command line each, arguments parted by blanks, without what is secret. */
export function readProcesses(text: string, options: LineOptions): { processes: string[]; passedOver: number } {
  let prefix = BARE;
  const processes: string[] = [];
  let passedOver = 0;
  for (const { text: line } of linesOf(text, options)) {
    const header = COLUMNS.find(([title]) => title.test(line));
    if (header) {
      prefix = header[1];
      continue;
    }
    const command = line.replaceAll('\0', ' ').replace(prefix, '').trim();
    if (KNOWN.test(command)) processes.push(command.replace(SECRET, '$1=...'));
    else if (command !== '') passedOver++;
  }
  return { processes, passedOver };
}
