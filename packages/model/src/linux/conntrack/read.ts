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

function readXml(text: string, options: LineOptions): ReadConntrack {
  const problems: Problem[] = [];
  const entries: ConntrackEntry[] = [];
  const { elements, brokenAt } = parseXml(text, 'flow');
  const from = (options.firstLine ?? 1) - 1;
  const lines = elements.map((element): Line & { element: typeof element } => ({
    text: '<flow>',
    number: from + element.line,
    element,
  }));
  for (const line of lines) {
    eachLine([line], CODE, problems, options, () => entries.push(readFlow(line.element)));
  }
  if (brokenAt !== undefined) {
    eachLine([{ text: '', number: from + brokenAt }], CODE, problems, options, () => {
      throw new RangeError('the XML is damaged or ends early');
    });
  }
  return { entries, problems };
}

/** What the tool says on its standard error, and ctime's complaint about labels. */
const SAID = /^(conntrack v[\d.]+ \(conntrack-tools\):|nfct_labelmap_new:)/;

/** `conntrack -L`, its extended and XML forms, and /proc/net/nf_conntrack. */
export function readConntrack(text: string, options: LineOptions = {}): ReadConntrack {
  if (/<(conntrack|flow)[ >]/.test(text)) return readXml(text, options);
  const problems: Problem[] = [];
  const entries: ConntrackEntry[] = [];
  const lines = linesOf(text, options).filter((line) => !SAID.test(line.text));
  eachLine(lines, CODE, problems, options, (line) => entries.push(readEntry(line.text)));
  return { entries, problems };
}
