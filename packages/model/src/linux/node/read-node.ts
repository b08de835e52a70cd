/** A folder of dumps of one node, or its files out of an archive: what is in it, told by content, and the network namespaces it shows. */
import type { Problem } from '../../problem.ts';
import type { SourceFile } from '../../read/source.ts';
import { unpack } from '../../read/unpack.ts';
import type { TableNames } from '../ip/index.ts';
import { linesOf, quoted } from '../lines.ts';
import { readSysctlFile } from '../sysctl/index.ts';
import { type Assembled, assemble } from './assemble.ts';
import { type CollectedNetns, emptyCollection } from './collected.ts';
import { joinAcross, soundStacks } from './join.ts';
import { type DumpKind, titleOf } from './kinds.ts';
import { type Part, type PartResult, readPart } from './read-part.ts';
import { netnsOfCommand, paragraphsOf, type Section, sectionsOf } from './sections.ts';
import { commandOfName, kindOfCommand, sniff } from './sniff.ts';

/** One part of a file that was found to be a dump. */
export interface FoundDump {
  file: string;
  /** First line, where a file holds several parts. */
  line: number;
  kind: DumpKind;
  title: string;
  /** Name of the namespace it shows; absent for the host's own. */
  netns?: string;
  /** How many routes, rules, links ... came out of it. */
  items: number;
  lines: number;
  /** Lines that were not understood; each is a problem. */
  notUnderstood: number;
  note?: string;
}

export interface NodeDump {
  name: string;
  /** The host's own first, named as the node; then the others, as `NODE/NAME`. */
  netnses: Assembled[];
  found: FoundDump[];
  /** Files that hold nothing of the kind. */
  ignored: { file: string; why: string }[];
  problems: Problem[];
  /** Parts that are nftables rulesets. */
  nftables: number;
}

/** Larger files are logs. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Of a dump that is one, so many lines are understood. */
const PROSE_SHARE = 0.3;
/** Namespaces of one node. */
const NETNS_MAX = 4096;

const decoder = new TextDecoder();

function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 4096).includes(0);
}

/** `netns/NAME/ip-addr.txt`, `namespaces/NAME/...`, `ip_netns_exec_NAME_ip_address_show`. */
function netnsOfPath(path: string): string | undefined {
  const inName = /ip_netns_exec_(.+?)_(?:ip|ip6?tables|ss|netstat|sysctl|bridge|nft|conntrack|ethtool)(?:[_-]|$)/.exec(
    path,
  )?.[1];
  return inName ?? /(?:^|\/)(?:ip-)?(?:netns|namespaces)\/([^/]+)\//.exec(path)?.[1];
}

class NodeReader {
  readonly found: FoundDump[] = [];
  readonly ignored: NodeDump['ignored'] = [];
  readonly problems: Problem[] = [];
  readonly collections = new Map<string, CollectedNetns>();
  readonly #name: string;
  readonly #tableNames: TableNames = new Map();

  constructor(name: string) {
    this.#name = name;
  }

  collection(netns: string): CollectedNetns {
    const known = this.collections.get(netns) ?? emptyCollection(netns);
    this.collections.set(netns, known);
    return known;
  }

  nameOf(netns: string): string {
    return netns === '' ? this.#name : `${this.#name}/${netns}`;
  }

  read(file: SourceFile): void {
    if (file.bytes.byteLength > BYTES_MAX) {
      this.ignored.push({ file: file.name, why: `larger than ${BYTES_MAX / 1024 / 1024} MiB` });
      return;
    }
    if (!isText(file.bytes)) {
      this.ignored.push({ file: file.name, why: 'binary data' });
      return;
    }
    const text = decoder.decode(file.bytes);
    const netns = netnsOfPath(file.name) ?? '';
    if (this.#readSysctlFile(file.name, text, netns)) return;
    const command = netnsOfCommand(commandOfName(file.name)).command;
    const sections = sectionsOf(text);
    let any = false;
    for (const section of sections) {
      const parts = this.#isProse(section, command) ? paragraphsOf(section) : [section];
      for (const part of parts) any = this.#readSection(file.name, part, command, netns) || any;
    }
    if (!any) this.ignored.push({ file: file.name, why: text.trim() === '' ? 'empty' : 'no dump that is known' });
  }

  /** Dumps that were pasted into text, as letters and threads have them: read as a whole, most lines would be strange. */
  #isProse(section: Section, nameCommand: string): boolean {
    const kind = sniff(section.text, section.hint ?? kindOfCommand(section.command ?? nameCommand));
    if (kind === undefined) return paragraphsOf(section).length > 1;
    const { problems } = readPart(
      { kind, text: section.text, file: '', firstLine: 1, command: section.command ?? nameCommand },
      emptyCollection(''),
      { tableNames: new Map(this.#tableNames), netns: '' },
    );
    return problems.length > linesOf(section.text).length * PROSE_SHARE;
  }

  /** A file of /proc/sys is one setting; all of one tree are told as one dump. */
  #readSysctlFile(path: string, text: string, netns: string): boolean {
    const read = text.length < 4096 ? readSysctlFile(path, text) : undefined;
    if (!read) return false;
    const into = this.collection(netns);
    for (const [name, value] of Object.entries(read.sysctls)) into.sysctls.set(name, value);
    const file = path.slice(0, path.lastIndexOf('proc/sys/') + 'proc/sys'.length);
    const known = this.found.find((found) => found.file === file && found.kind === 'sysctl');
    const dump: FoundDump = known ?? {
      file,
      line: 1,
      kind: 'sysctl',
      title: titleOf('sysctl'),
      ...this.#netns(netns),
      items: 0,
      lines: 0,
      notUnderstood: 0,
    };
    if (!known) this.found.push(dump);
    dump.items += Object.keys(read.sysctls).length;
    dump.lines++;
    return true;
  }

  #netns(netns: string): Pick<FoundDump, 'netns'> {
    return netns === '' ? {} : { netns };
  }

  #readSection(file: string, section: Section, nameCommand: string, fileNetns: string): boolean {
    const command = section.command ?? nameCommand;
    const hint = section.hint ?? kindOfCommand(command);
    const kind = sniff(section.text, hint);
    if (kind === undefined) return this.#explainUnknown(file, section, hint);
    const netns = section.netns ?? fileNetns;
    if (!this.collections.has(netns) && this.collections.size >= NETNS_MAX) {
      this.problems.push({
        severity: 'warning',
        code: 'too-many-netns',
        message: `more than ${NETNS_MAX} namespaces`,
        file,
      });
      return true;
    }
    const part: Part = { kind, text: section.text, file, firstLine: section.firstLine, command };
    const context = { tableNames: this.#tableNames, netns: this.nameOf(netns) };
    const result = this.#readPart(part, netns, context);
    this.problems.push(...result.problems);
    const lines = linesOf(section.text).length;
    const named = new Set(result.problems.map((p) => p.line)).size;
    this.found.push({
      file,
      line: section.firstLine,
      kind,
      title: titleOf(kind),
      ...this.#netns(netns),
      items: result.items,
      lines,
      notUnderstood: Math.min(named, lines),
      ...(result.note !== undefined && { note: result.note }),
    });
    return true;
  }

  #readPart(part: Part, netns: string, context: Parameters<typeof readPart>[2]): PartResult {
    return readPart(part, this.collection(netns), context);
  }

  /** What stands behind a command that podwire reads, and is none of its output: an error message, mostly. */
  #explainUnknown(file: string, section: Section, hint: DumpKind | undefined): boolean {
    const [first] = linesOf(section.text, section).filter((line) => !/^\s*[#;]/.test(line.text));
    if (hint === undefined || !first) return section.command !== undefined && !first;
    this.problems.push({
      severity: 'warning',
      code: 'not-a-dump',
      message: `this is not what ${titleOf(hint)} prints: ${quoted(first.text)}`,
      file,
      line: first.number,
    });
    return false;
  }
}

/** `rt_tables` names the tables that other dumps use. */
function namesFirst(a: SourceFile, b: SourceFile): number {
  const rank = ({ name }: SourceFile) => (name.includes('rt_tables') ? 0 : 1);
  return rank(a) - rank(b);
}

/** Folders of a support bundle that hold logs and other people's programs, and no dumps. */
const UNWANTED =
  /(^|\/)(var\/log|\.git|node_modules|usr\/(bin|lib|share)|sys\/(module|bus|class|devices|firmware|kernel|fs|block)|proc\/(irq|driver|fs|bus|acpi|scsi|\d+))\/|\.(log\.gz|journal|core|so|png|jpg)$/;

/** Whether a file in a folder or an archive may be a dump, by its path. */
export function isDumpName(path: string): boolean {
  return !UNWANTED.test(path);
}

/** As `readNode`, of files that may be archives. */
export async function openNode(name: string, files: readonly SourceFile[]): Promise<NodeDump> {
  const unpacked = await unpack(files, isDumpName);
  const dump = readNode(name, unpacked.files);
  return {
    ...dump,
    ignored: [...dump.ignored, ...unpacked.ignored.map(({ file, why }) => ({ file, why }))],
    problems: [...unpacked.problems.filter(({ code }) => code !== 'archive-link'), ...dump.problems],
  };
}

/** Reads the files of one node. They are unpacked already; folders stand in their names. */
export function readNode(name: string, files: readonly SourceFile[]): NodeDump {
  const reader = new NodeReader(name);
  for (const file of [...files].sort(namesFirst)) reader.read(file);
  const collections = [...reader.collections.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const assembled = collections.map((read) => ({ read, ...assemble(read, reader.nameOf(read.name)) }));
  const odd: Problem[] = [];
  const netnses = soundStacks(joinAcross(assembled), odd);
  const problems = [...reader.problems, ...assembled.flatMap((one) => one.problems), ...odd];
  return {
    name,
    netnses,
    found: reader.found,
    ignored: reader.ignored,
    problems,
    nftables: reader.found.filter((found) => found.kind === 'nft').length,
  };
}
