/** Extensions of iptables in the words of other statements, taken apart for whoever runs rules. */
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
