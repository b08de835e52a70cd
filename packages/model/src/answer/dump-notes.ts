/** What answers say about the dumps they stand on. */
import type { NodeDump } from '../linux/node/index.ts';
import { unfollowedSettings } from '../linux/sysctl/index.ts';
import type { Note } from './answer.ts';

function partNote({ name, found }: NodeDump): Note {
  const titles = [...new Set(found.map(({ title }) => title))];
  return {
    kind: 'assumption',
    code: 'dump-of-parts',
    text: `Of ${name} only ${titles.join(', ')} ${titles.length === 1 ? 'was' : 'were'} dumped: all else there is as podwire would make it.`,
    settle: 'dump the whole node: ip -d addr, ip route show table all, ip rule, iptables-save, sysctl -a',
  };
}

/** Settings of the kernel that decide something, are not the default, and are not followed. */
function settingNotes({ netnses }: NodeDump): Note[] {
  return netnses.flatMap(({ netns: { name, sysctls } }): Note[] => {
    const found = unfollowedSettings(sysctls);
    if (found.length === 0) return [];
    const list = found.map(({ name, value, does }) => `${name} = ${value} (${does})`).join('; ');
    return [
      {
        kind: 'caveat',
        code: 'sysctl-not-followed',
        text: `${name} has settings that podwire does not follow: ${list}.`,
        settle: 'docs/sysctls.md says what podwire goes by',
      },
    ];
  });
}

/** Lines that nobody understood may decide what happens, and so may what was not dumped: each answer says so. */
export function dumpNotes(dumps: readonly NodeDump[], parts: ReadonlySet<string>): Note[] {
  return dumps.flatMap((dump): Note[] => {
    const { name, found } = dump;
    const part = [...(parts.has(name) ? [partNote(dump)] : []), ...settingNotes(dump)];
    const lines = found.reduce((sum, part) => sum + part.notUnderstood, 0);
    if (lines === 0) return part;
    const all = found.reduce((sum, part) => sum + part.lines, 0);
    return [
      ...part,
      {
        kind: 'caveat',
        code: 'dump-not-understood',
        text: `${lines} of ${all} lines of the dump of ${name} were not understood, and are left out.`,
        settle: 'podwire node read lists them',
      },
    ];
  });
}
