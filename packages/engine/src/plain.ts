/** Extensions of iptables in the words of other statements, taken apart for whoever runs rules. */
import type { PolicyRule } from './network.ts';
import type { PlainStatement, Statement } from './rule.ts';

const nests = ({ kind }: Statement): boolean => kind === 'extension' || kind === 'extension-target';

/** A rule's statements in order. */
export function plainStatements(body: readonly Statement[]): readonly PlainStatement[] {
  if (!body.some(nests)) return body as readonly PlainStatement[];
  return body.flatMap((statement): readonly PlainStatement[] => {
    if (statement.kind === 'extension') return plainStatements(statement.tests);
    return statement.kind === 'extension-target' ? plainStatements(statement.actions) : [statement];
  });
}

/** A test of an option of TCP, as iptables prints it. */
export const optionText = (number: number, not: boolean | undefined): string =>
  `-m tcp ${not ? '! ' : ''}--tcp-option ${number}`;

/** What a rule asks that nobody may know of a packet, as `ip rule` prints it; undefined: it asks no such thing. */
export function unsaidText({ priority, uidrange, flowlabel, family }: PolicyRule): string | undefined {
  const asked = [
    ...(uidrange ? [`uidrange ${uidrange.from}-${uidrange.to}`] : []),
    ...(flowlabel && family === 6
      ? [`flowlabel 0x${flowlabel.value.toString(16)}/0x${flowlabel.mask.toString(16)}`]
      : []),
  ];
  return asked.length === 0 ? undefined : `ip rule ${priority}: ${asked.join(' ')}`;
}
