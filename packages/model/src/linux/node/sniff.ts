/** What a text is, told by its lines; a command or file name that is known helps where they say too little. */
import { readJsonList } from '../json-list.ts';
import { type DumpKind, FORMS } from './kinds.ts';

/** A signature weighs as much as so many ordinary lines. */
const SIGNATURE_WEIGHT = 20;
/** Lines looked at. */
const SAMPLE = 400;
/** Characters looked at of each. */
const LOOKED_AT = 600;

/** Kinds by the keys of the first element that `-j` prints. */
function sniffJson(text: string): DumpKind | undefined {
  if (/^\s*\{\s*"nftables"\s*:/.test(text)) return 'nft';
  const [first] = readJsonList<Record<string, unknown>>(text)?.records ?? [];
  if (!first) return undefined;
  const has = (...keys: string[]) => keys.every((key) => key in first);
  if (has('mac', 'ifname')) return 'bridge-fdb';
  if (has('ifname', 'vlans')) return 'bridge-vlan';
  if (has('ifname', 'hairpin') || (has('ifname', 'master', 'state') && !has('qdisc'))) return 'bridge-link';
  if (has('ifname')) return 'ip-addr';
  if (has('priority')) return 'ip-rule';
  if (has('dst', 'state') || has('dst', 'proxy')) return 'ip-neigh';
  if (has('dst')) return 'ip-route';
  return has('id') ? 'ip-nexthop' : undefined;
}

/** The form whose command this is: `ip -d address`, `cat /proc/net/route`, `/proc/net/tcp6`. */
export function kindOfCommand(command: string): DumpKind | undefined {
  const plain = command
    .replace(/^(sudo\s+)?(\S*\/)?(?=[a-z])/, '')
    .replace(/\s+/g, ' ')
    .trim();
  return FORMS.find((form) => form.command.test(plain) || form.command.test(command))?.kind;
}

/** File names stand for commands with other signs for the blanks: `ip_-d_address.txt`, `ip-route-show-table-all`. */
export function commandOfName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1).replace(/\.(txt|log|out|json|xml|dump)$/, '');
  const proc = /(?:^|\/)(proc\/.*)$/.exec(path)?.[1];
  if (proc !== undefined) return `/${proc}`;
  // Commands and options have hyphens of their own; those of a name that has nothing else are blanks.
  const joined = base.replace(/[_+.]/g, ' ');
  return joined.includes(' ') ? joined : joined.replace(/-(?!save\b|legacy\b|nft\b|tables\b)/g, ' ');
}

function scores(lines: readonly string[]): { kind: DumpKind; score: number }[] {
  const found = FORMS.map(({ kind, signature, line }) => {
    let score = 0;
    for (const text of lines) {
      if (signature?.test(text)) score += SIGNATURE_WEIGHT;
      else if (line?.test(text)) score++;
    }
    return { kind, score };
  });
  return found.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
}

/** Of a hundred lines so many must be the form's own, where no signature was found. */
const SHARE_MIN = 0.34;

/** Undefined for a text that none of the forms fits. */
export function sniff(text: string, hint?: DumpKind): DumpKind | undefined {
  const json = sniffJson(text);
  if (json) return json;
  const lines: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (line !== '') lines.push(line.slice(0, LOOKED_AT));
    if (lines.length >= SAMPLE) break;
  }
  const found = scores(lines);
  const [best] = found;
  if (!best) return undefined;
  if (found.some(({ kind, score }) => kind === hint && score === best.score)) return hint;
  if (best.score >= SIGNATURE_WEIGHT || best.kind === hint) return best.kind;
  return best.score >= lines.length * SHARE_MIN ? best.kind : undefined;
}
