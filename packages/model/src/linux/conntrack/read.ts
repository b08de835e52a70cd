/** Connections from any of the forms that hold them. */
import type { ConntrackEntry } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type Line, type LineOptions, linesOf } from '../lines.ts';
import { parseXml } from '../xml.ts';
import { readEntry } from './read-text.ts';
import { readFlow } from './read-xml.ts';

export interface ReadConntrack {
  entries: ConntrackEntry[];
  problems: Problem[];
}

const CODE = 'conntrack';

/** `conntrack -E` tells what changes: of each connection its last state is kept, and none of one that ended. */
class Kept {
  readonly #entries = new Map<string, ConntrackEntry>();
  #listed = 0;

  take(entry: ConntrackEntry, event: string | undefined): void {
    const { protocol, zone, original } = entry;
    const key = event === undefined ? `listed ${this.#listed++}` : JSON.stringify([protocol, zone, original]);
    if (event === 'destroy') this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }

  entries(): ConntrackEntry[] {
    return [...this.#entries.values()];
  }
}

function readXml(text: string, options: LineOptions): ReadConntrack {
  const problems: Problem[] = [];
  const kept = new Kept();
  const { elements, brokenAt } = parseXml(text, 'flow');
  const from = (options.firstLine ?? 1) - 1;
  const lines = elements.map((element): Line & { element: typeof element } => ({
    text: '<flow>',
    number: from + element.line,
    element,
  }));
  for (const line of lines) {
    eachLine([line], CODE, problems, options, () => kept.take(readFlow(line.element), line.element.attributes.type));
  }
  if (brokenAt !== undefined) {
    eachLine([{ text: '', number: from + brokenAt }], CODE, problems, options, () => {
      throw new RangeError('the XML is damaged or ends early');
    });
  }
  return { entries: kept.entries(), problems };
}

/** What the tool says on its standard error, and ctime's complaint about labels. */
const SAID = /^(conntrack v[\d.]+ \(conntrack-tools\):|nfct_labelmap_new:)/;

/** `[1795287790.870494]     [NEW] `, as `conntrack -E` begins its lines. */
const EVENT = /^\s*(?:\[\d+\.\d+\]\s*)?\[(NEW|UPDATE|DESTROY)\]\s*/;
/** Who made a connection that no packet made. */
const MAKER = /\s\[USERSPACE\] portid=\d+(?: progname=.*)?$/;

/** `conntrack -L` and `-E`, its extended and XML forms, and /proc/net/nf_conntrack. */
export function readConntrack(text: string, options: LineOptions = {}): ReadConntrack {
  if (/<(conntrack|flow)[ >]/.test(text)) return readXml(text, options);
  const problems: Problem[] = [];
  const kept = new Kept();
  const lines = linesOf(text, options).filter((line) => !SAID.test(line.text));
  eachLine(lines, CODE, problems, options, (line) => {
    const event = EVENT.exec(line.text);
    const entry = event ? line.text.slice(event[0].length).replace(MAKER, '') : line.text;
    kept.take(readEntry(entry), event?.[1]?.toLowerCase());
  });
  return { entries: kept.entries(), problems };
}
