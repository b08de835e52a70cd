/** One file may hold what several commands printed, each after its prompt or title: the parts, and whose they are. */

import type { DumpKind } from './kinds.ts';
import { kindOfCommand } from './sniff.ts';

export interface Section {
  text: string;
  /** Number of its first line in the file. */
  firstLine: number;
  /** The command that printed it, where the file says. */
  command?: string;
  hint?: DumpKind;
  /** The network namespace the command ran in. */
  netns?: string;
}

/** Programs whose output stands in such collections; those that podwire does not read end a part all the same. */
const PROGRAM =
  '(?:ip|bridge|brctl|ipset|conntrack|ss|netstat|sysctl|ipvsadm|ifconfig|route|arp|ip6?tables(?:-legacy|-nft)?(?:-save)?|nft|cat|ebtables(?:-save)?|arptables(?:-save)?|nsenter|ethtool|tc|hostname(?:ctl)?|uname|date|uptime|kubectl|oc|docker|podman|nerdctl|crictl|lsmod|lspci|dmesg|systemctl|journalctl|resolvectl|nmcli|wg|mount|ps|df|free|env|ls|echo|grep|lsns)';

/** Who sits at the prompt, and where: `root@node:~`, `core@node ~`, `node:/`, and what a shell in a container shows, `/`. */
const NAMED = String.raw`\[[^\]\s]+@[^\]]+\]|[\w.-]+@[\w.-]+(?:(?::| [~/])[^\s#$]*)?|[\w.-]+:[~/][^\s#$]*|[~/][\w./-]*`;
/** `root@node:~# `, `core@node ~ $ `, `[root@node ~]# `, `node# `, `$ `; text that was pasted may stand further in. */
const PROMPT = new RegExp(`^\\s*(?:${NAMED}|[\\w.-]+)?\\s{0,2}[#$%]\\s+(.*)$`);
/** A prompt that names its host ends a part, whatever was typed behind it. */
const ANY_COMMAND = /^\s*(?:\[[^\]\s]+@[^\]]+\]|[\w.-]+@[\w.-]+(?::| [~/])[^\s#$]*)\s{0,2}[#$]\s+(.*)$/;
/** `[core@node ~]ip addr`: the sign was lost on the way. */
const NO_SIGN = /^\s*\[[^\]\s]+@[^\]\s]+ [^\]]+\]\s?(.*)$/;
/** `+ ip addr`, `=== ip addr ===`, `--- ip addr`, `### ip addr`, `==> ip addr <==`. */
const TITLE = /^(?:\+{1,4}|={2,}>?|-{2,}|#{1,6}|\*{3,})\s*(.*?)\s*(?:<?={2,}|-{2,}|#+|\*+|:)?$/;
const EMPTY_PROMPT = new RegExp(`^\\s*(?:${NAMED})\\s{0,2}[#$%]\\s*$`);

/** Tests of nftables begin as a call of ip does; with a # in front they are rules that somebody left out. */
const NFT_FIELD = 'ip\\s+(?:saddr|daddr|protocol|ttl|length|version|hdrlength|dscp|ecn|id|frag-off|checksum|option)\\b';

const COMMAND = new RegExp(`^(?!${NFT_FIELD})(?:sudo\\s+(?:-\\S+\\s+)*)?(?:/\\S*/)?${PROGRAM}(?:\\s|$)`);
const PROC = /^\/proc\/\S+$/;

/** Longer lines are no commands. */
const COMMAND_MAX = 400;

/** A command alone on its line, as it is typed where no prompt is shown. */
const BARE =
  /^(?:sudo )?(?:ip (?:-[\w-]+ )*(?:a|addr|address|r|route|l|link|ru|rule|n|neigh|nexthop)(?: (?:show|list|ls|table|all|dev|[\w.@:-]+))*|bridge (?:-\w+ )*(?:fdb|link|vlan|mdb|mon)(?: \w+)*|(?:ip6?|eb|arp)tables(?:-legacy|-nft)?-save|ebtables(?: -t \w+)? -L|arptables -L(?: -n)?|ipset (?:list|save)|conntrack -L.*|ss -\w+|netstat -\w+|sysctl -a|ipvsadm -\w+|ifconfig -a|route -n|brctl show)$/;

/** The same in a container. */
const EXEC =
  /^(?:sudo )?(?:kubectl|oc|docker|podman|crictl|nerdctl) (?:-\S+ (?:\S+ )?)*exec .*\b(?:ip|iptables\S*|ip6tables\S*|nft|ss|netstat|route|ifconfig|sysctl|conntrack|bridge|arp) ?[^|]*$/;

function commandOf(written: string): string | undefined {
  if (written.length > COMMAND_MAX) return undefined;
  // Text pasted into a line of code.
  const line = written.replace(/^`(?=\S)/, '').trimEnd();
  if (BARE.test(line) || EXEC.test(line)) return line;
  for (const pattern of [PROMPT, TITLE, NO_SIGN]) {
    const text = pattern.exec(line)?.[1]?.trim();
    if (text !== undefined && (COMMAND.test(text) || PROC.test(text))) return text;
  }
  return ANY_COMMAND.exec(line)?.[1];
}

/** `kubectl exec -n NS POD -c NAME -- CMD`, `docker exec -it NAME CMD`: a container's namespace, by the name that it is asked by. */
function ofContainer(command: string): { command: string; netns: string } | undefined {
  const words = command.replace(/^sudo\s+/, '').split(/\s+/);
  if (!/^(kubectl|oc|docker|podman|crictl|nerdctl)$/.test(words[0] ?? '')) return undefined;
  const at = words.indexOf('exec');
  if (at < 0) return undefined;
  const end = words.indexOf('--', at);
  const valued = /^(-n|--namespace|-c|--container|-u|--user|-e|--env|-w|--workdir)$/;
  for (let i = at + 1; i < words.length; i++) {
    const word = words[i] as string;
    if (valued.test(word)) i++;
    else if (!word.startsWith('-')) {
      return {
        netns: word.replace(/^(pod|po|deploy|deployment|ds)\//, ''),
        command: words.slice(Math.max(end, i) + 1).join(' '),
      };
    }
  }
  return undefined;
}

/** `ip netns exec NAME CMD`, `ip -n NAME CMD`, `nsenter --net=/run/netns/NAME CMD`, `kubectl exec NAME -- CMD`. */
export function netnsOfCommand(command: string): { command: string; netns?: string } {
  const exec = /^(?:sudo\s+)?ip\s+netns\s+exec\s+(\S+)\s+(.*)$/.exec(command);
  if (exec) return { netns: exec[1] as string, command: exec[2] as string };
  const option = /^((?:sudo\s+)?ip)\s+(?:-n|-netns)\s+(\S+)\s+(.*)$/.exec(command);
  if (option) return { netns: option[2] as string, command: `${option[1]} ${option[3]}` };
  const container = ofContainer(command);
  if (container) return container;
  const nsenter = /^(?:sudo\s+)?nsenter\s+(.*)$/.exec(command)?.[1];
  if (nsenter === undefined) return { command };
  const name = /--net=\/\S*\/([^\s/]+)/.exec(nsenter)?.[1] ?? /(?:-t|--target)[ =](\d+)/.exec(nsenter)?.[1];
  const rest = nsenter.replace(/^(?:(?:--?[\w-]+(?:=\S+)?|\d+)\s+)*(?:--\s+)?/, '');
  return { command: rest, ...(name !== undefined && name !== '1' && name !== 'net' && { netns: name }) };
}

/** Marks around pasted text. */
const FENCE = /^\s*(```|~~~|<\/?details>|<\/?summary>|<\/?pre>|<\/?code>)/;

const COLORS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g');

function withoutColors(text: string): string {
  return text.replace(COLORS, '');
}

const INDENT = /^[ \t]*/;

/** Pasted text may stand further in, as a whole. */
function dedented(lines: readonly string[]): readonly string[] {
  let common: string | undefined;
  for (const line of lines) {
    if (line.trim() === '') continue;
    const own = INDENT.exec(line)?.[0] ?? '';
    common ??= own;
    while (!own.startsWith(common)) common = common.slice(0, -1);
    if (common === '') return lines;
  }
  const width = common?.length ?? 0;
  return width === 0 ? lines : lines.map((line) => line.slice(width));
}

/** Blocks of lines without a blank one between them. */
export function paragraphsOf(section: Section): Section[] {
  const found: Section[] = [];
  let taken: string[] = [];
  const close = (next: number) => {
    const { text: _, firstLine, ...rest } = section;
    if (taken.length > 0)
      found.push({ ...rest, text: dedented(taken).join('\n'), firstLine: firstLine + next - taken.length });
    taken = [];
  };
  const lines = section.text.split('\n');
  lines.forEach((line, i) => {
    if (line.trim() === '') close(i);
    else taken.push(line);
  });
  close(lines.length);
  return found;
}

/** Escape sequences of terminals and carriage returns are taken off. */
export function sectionsOf(raw: string): Section[] {
  const lines = withoutColors(raw).split(/\r\n|\n|\r/);
  const sections: Section[] = [];
  let current: Section = { text: '', firstLine: 1 };
  let taken: string[] = [];
  const close = () => {
    current.text = dedented(taken).join('\n');
    if (taken.some((line) => line.trim() !== '') || current.command !== undefined) sections.push(current);
  };
  lines.forEach((line, index) => {
    const typed = commandOf(line);
    if (typed !== undefined) {
      close();
      const { command, netns } = netnsOfCommand(typed.trim());
      const hint = kindOfCommand(command);
      current = {
        text: '',
        firstLine: index + 2,
        command,
        ...(hint !== undefined && { hint }),
        ...(netns !== undefined && { netns }),
      };
      taken = [];
    } else if (FENCE.test(line)) {
      close();
      current = { text: '', firstLine: index + 2 };
      taken = [];
    } else taken.push(EMPTY_PROMPT.test(line) ? '' : line.replace(/(?<=\S)`$/, ''));
  });
  close();
  return sections;
}
