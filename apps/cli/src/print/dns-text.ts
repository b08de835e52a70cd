/** `podwire dns` as text: the result, the pod's resolv.conf, the way to the servers, and every question with its answer. */
import type { DnsAttemptView, DnsLookupAnswer, DnsServerView } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import { hintLines, noteLines } from './notes.ts';
import type { Style, Tone } from './style.ts';
import { fileText, objectText, verdictText } from './words.ts';

interface DnsTextOptions {
  style: Style;
  columns: number | undefined;
  /** Assumptions in full, and the records that come along. */
  everything: boolean;
  /** What the user typed to get here. */
  name: string;
}

const TONES: Readonly<Record<DnsLookupAnswer['result'], Tone>> = {
  found: 'green',
  'no-such-name': 'red',
  'no-address': 'red',
  'try-again': 'red',
  'no-answer': 'red',
  unknown: 'yellow',
};

const SOURCES: Readonly<Record<DnsLookupAnswer['resolvConf']['source'], string>> = {
  cluster: 'the cluster DNS, as dnsPolicy asks',
  host: "the node's own",
  none: 'dnsConfig alone',
};

const KINDS: Readonly<Record<DnsServerView['kind'], string>> = {
  coredns: 'CoreDNS',
  'node-local': 'NodeLocal DNS cache',
  other: "none of the cluster's",
};

function confRows({ resolvConf }: DnsLookupAnswer): Row[] {
  const { nameservers, searches, options, events } = resolvConf;
  return [
    ...(searches.length > 0 ? [{ head: ['search'], body: searches.join(' ') }] : []),
    ...nameservers.map((address): Row => ({ head: ['nameserver'], body: address })),
    ...(options.length > 0 ? [{ head: ['options'], body: options.join(' ') }] : []),
    ...events.map(({ reason, message }): Row => ({ head: ['warning'], body: `${message} (${reason})` })),
  ];
}

function serverRows(server: DnsServerView, { style, name }: DnsTextOptions): Row[] {
  const { address, kind, service, configMap, traffic } = server;
  const what = [KINDS[kind], ...(service === undefined ? [] : [`Service ${service}`])].join(', ');
  const rows: Row[] = [
    {
      head: [style(address, 'bold')],
      body: what,
      ...(configMap && { tail: style(`Corefile ${fileText(configMap)}`, 'dim') }),
    },
  ];
  for (const { from, to, protocol, verdict, summary, decisive } of traffic ?? []) {
    rows.push({
      head: ['  way'],
      body: `${verdictText(verdict, style)}  ${protocol} ${from} > ${to}${verdict === 'delivered' ? '' : `: ${summary}`}`,
      ...(decisive?.object && { tail: style(fileText(decisive.object), 'dim') }),
    });
    if (verdict !== 'delivered')
      rows.push({ head: [''], body: style(`see ${name} trace ${from} ${protocol}:${to}`, 'dim') });
  }
  return rows;
}

function attemptRows(attempt: DnsAttemptView, i: number, { style, everything }: DnsTextOptions): Row[] {
  return attempt.questions.flatMap(({ type, rcode, records, additional, by, line, unknown }, j): Row[] => {
    const data = records.map((record) => `${record.type === type ? '' : `${record.type} `}${record.rdata}`);
    const known = data.length > 0 ? data.join(', ') : rcode === 'NOERROR' && unknown === undefined ? 'no records' : '';
    const body = [known, ...(unknown === undefined ? [] : [`not known: ${unknown}`])].filter(Boolean).join('; ');
    const who = line === undefined ? by : `${by}, Corefile line ${line}`;
    const first = j === 0;
    const tone: Tone = attempt.outcome === 'found' ? 'green' : attempt.outcome === 'unknown' ? 'yellow' : 'dim';
    const code = unknown === undefined ? rcode : 'UNKNOWN';
    return [
      {
        head: [first ? String(i + 1) : '', first ? attempt.name : '', type, style(code, tone)],
        body,
        tail: style(who, 'dim'),
      },
      ...(everything
        ? additional.map(
            (r): Row => ({ head: ['', '', '', ''], body: style(`with ${r.name} ${r.type} ${r.rdata}`, 'dim') }),
          )
        : []),
    ];
  });
}

/** The whole text, with a line feed at its end. */
export function dnsText(answer: DnsLookupAnswer, options: DnsTextOptions): string {
  const { style, columns, everything } = options;
  const { result, summary, symptom, object, question, pod, resolvConf, servers, attempts } = answer;
  const lines = layOut(
    [{ head: [style(result.toUpperCase().replaceAll('-', ' '), TONES[result], 'bold')], body: summary }],
    { columns },
  );
  const facts: Row[] = [
    {
      head: ['asks'],
      body: `${objectText(pod)}, ${question.client}${question.type ? `, ${question.type} alone` : ''}`,
    },
    ...(object ? [{ head: ['is'], body: objectText(object), tail: style(fileText(object), 'dim') }] : []),
    ...(symptom === undefined ? [] : [{ head: ['prints'], body: symptom }]),
  ];
  lines.push(...layOut(facts, { columns, indent: 2 }));
  lines.push('', `${style('resolv.conf', 'bold')}  ${style(SOURCES[resolvConf.source], 'dim')}`);
  lines.push(...layOut(confRows(answer), { columns, indent: 2 }));
  if (servers.length > 0) {
    lines.push('', style('servers', 'bold'));
    lines.push(
      ...layOut(
        servers.flatMap((server) => serverRows(server, options)),
        { columns, indent: 2 },
      ),
    );
  }
  if (attempts.length > 0) {
    lines.push('', style('questions', 'bold'));
    lines.push(
      ...layOut(
        attempts.flatMap((attempt, i) => attemptRows(attempt, i, options)),
        { columns, indent: 2 },
      ),
    );
  }
  lines.push(...hintLines(answer.hints, columns, style));
  lines.push(...noteLines(answer.notes, everything, columns, style, '-o wide'));
  return `${lines.join('\n')}\n`;
}
