/** What is wrong with the input, for standard error: file, line, field, and the mend. */
import type { Problem } from '@podwire/model';
import type { Style } from './style.ts';

const TONES = { error: 'red', warning: 'yellow', info: 'dim' } as const;
const SHOWN_MAX = 20;
const OF_A_KIND_MAX = 3;

export function problemText(problem: Problem, style: Style): string {
  const { severity, code, message, mend, file, line, field, object } = problem;
  const place = file === undefined ? '' : `${line === undefined ? file : `${file}:${line}`}: `;
  const about = [object, field].filter((part) => part !== undefined && !message.includes(part)).join(' ');
  const end =
    mend === undefined ? '' : `\n  ${mend.charAt(0).toUpperCase()}${mend.slice(1)}${/[.?!]$/.test(mend) ? '' : '.'}`;
  return `${place}${style(severity, TONES[severity])}: ${about === '' ? '' : `${about}: `}${message} [${code}]${end}`;
}

/**
 * The gravest first. Past a few of one kind, or past a screenful, the rest is counted. `name` is what the user typed to get here.
 */
export function problemLines(problems: readonly Problem[], name: string, style: Style): string[] {
  const grave = [
    ...problems.filter((p) => p.severity === 'error'),
    ...problems.filter((p) => p.severity === 'warning'),
  ];
  const seen = new Map<string, number>();
  const shown = grave.filter(({ code }) => {
    const before = seen.get(code) ?? 0;
    seen.set(code, before + 1);
    return before < OF_A_KIND_MAX;
  });
  const lines = shown.slice(0, SHOWN_MAX).map((p) => problemText(p, style));
  const left = grave.length - Math.min(shown.length, SHOWN_MAX);
  if (left > 0) lines.push(`and ${left} more of such: "${name} cluster" lists them all`);
  return lines;
}
