/** `sysctl -a`, sysctl.conf, and files of /proc/sys: settings of the network, by the names that `sysctl` prints. */
import type { Netns } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf } from '../lines.ts';

export type Sysctls = Record<string, string | number>;

export interface ReadSysctls {
  sysctls: Sysctls;
  /** Settings that are none of the network's, or hold a secret: read, and not kept. */
  leftOut: number;
  problems: Problem[];
}

/** Keys that seed addresses and cookies. */
const SECRET = /(^|\.)(stable_secret|tcp_fastopen_key|ip6frag_secret)(\.|$)/;
const WANTED = /^net\.(ipv4|ipv6|bridge|netfilter|core|mpls|unix)\b|^net\.nf_conntrack_max$/;

function settingOf(text: string): string | number {
  const trimmed = text.trim();
  const value = Number(trimmed);
  return trimmed !== '' && String(value) === trimmed ? value : trimmed;
}

function put(read: ReadSysctls, name: string, text: string): void {
  if (SECRET.test(name) || !WANTED.test(name)) read.leftOut++;
  else read.sysctls[name] = settingOf(text);
}

/** `/proc/sys/net/ipv4/conf/eth0.5/rp_filter`: a dot inside a part is a slash in the name. */
export function sysctlNameOf(path: string): string | undefined {
  const at = path.lastIndexOf('proc/sys/');
  if (at < 0) return undefined;
  const parts = path.slice(at + 'proc/sys/'.length).split('/');
  return parts.map((part) => part.replaceAll('.', '/')).join('.');
}

/** What the tool says of settings it may not read, and the sections of sysctl.d. */
const SAID = /^(sysctl: |\* Applying |reading key ")/;
const ASSIGNMENT = /^-?([A-Za-z][\w.\-/@:]*)\s*[=:]\s*(.*)$/;

/** Lines `name = value`, also as in sysctl.conf; or `/proc/sys/...:value`, as `grep . -r` prints files. */
export function readSysctls(text: string, options: LineOptions = {}): ReadSysctls {
  const read: ReadSysctls = { sysctls: {}, leftOut: 0, problems: [] };
  eachLine(linesOf(text, options), 'sysctl', read.problems, options, ({ text: line }) => {
    const trimmed = line.trim();
    if (/^[#;]/.test(trimmed) || SAID.test(trimmed)) return;
    const file = /^(\/proc\/sys\/[^:=\s]+)\s*[:=]\s*(.*)$/.exec(trimmed);
    const name = file ? sysctlNameOf(file[1] as string) : undefined;
    if (file && name !== undefined) {
      put(read, name, file[2] ?? '');
      return;
    }
    const m = ASSIGNMENT.exec(trimmed);
    if (!m || !/[./]/.test(m[1] as string)) throw new RangeError('no setting');
    // sysctl.conf may separate by slashes; then dots are part of a name.
    const written = m[1] as string;
    const first = /[./]/.exec(written)?.[0];
    put(read, first === '/' ? (sysctlNameOf(`proc/sys/${written}`) as string) : written, m[2] ?? '');
  });
  return read;
}

/** One file of /proc/sys. Undefined where the path is none. */
export function readSysctlFile(path: string, text: string): ReadSysctls | undefined {
  const name = sysctlNameOf(path);
  if (name === undefined) return undefined;
  const read: ReadSysctls = { sysctls: {}, leftOut: 0, problems: [] };
  put(read, name, text);
  return read;
}

/** `sysctl -a`, by name. */
export function printSysctls(sysctls: Netns['sysctls']): string {
  return Object.keys(sysctls)
    .sort()
    .map((name) => `${name} = ${sysctls[name]}\n`)
    .join('');
}
