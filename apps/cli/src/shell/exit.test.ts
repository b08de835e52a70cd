import { expect, test } from 'vitest';
import { EXIT, reportError, UserError } from './exit.ts';

test('an error of the user is a sentence with its mend and candidates', () => {
  const error = new UserError('there is no pod "wbe"', { mend: 'Write one of these.', candidates: ['pod/web'] });
  expect(reportError(error, 'podwire')).toEqual({
    lines: ['podwire: there is no pod "wbe"', '  Write one of these.', '    pod/web'],
    exitCode: EXIT.BAD,
  });
});

test('help is no error, wrong usage is exit code 2', () => {
  const commander = (exitCode: number) => Object.assign(new Error('x'), { code: 'commander.x', exitCode });
  expect(reportError(commander(0), 'podwire')).toEqual({ lines: [], exitCode: EXIT.YES });
  expect(reportError(commander(1), 'podwire')).toEqual({ lines: [], exitCode: EXIT.BAD });
});

test('anything else is ours and shows where', () => {
  const report = reportError(new TypeError('oh'), 'podwire');
  expect(report.exitCode).toBe(EXIT.BAD);
  expect(report.lines.join('\n')).toContain('internal error');
  expect(report.lines.join('\n')).toContain('exit.test.ts');
});
