/** What every run on the lab has in common: is there a kernel to ask, and several labs side by side. */
import { kernelMissing, Lab } from './lab.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

/** The exit code of a run that cannot ask a kernel, after saying so; undefined where it can. */
export function withoutKernel(what: string): number | undefined {
  const missing = kernelMissing();
  if (missing === undefined) return undefined;
  say(`skipped ${what}: ${missing}`);
  const isRequired = (process.env.PODWIRE_REQUIRE ?? '').split(',').includes('kernel');
  say(`0 passed, ${isRequired ? 1 : 0} failed`);
  return isRequired ? 1 : 0;
}

/** Labs end with this process: they hold their namespaces only as long as their standard input is open. */
export async function inLabs(
  jobs: number,
  numbers: readonly number[],
  work: (lab: Lab) => Promise<(number: number) => Promise<void>>,
): Promise<void> {
  const queue = numbers.values();
  const running = Array.from({ length: Math.min(jobs, numbers.length) }, async () => {
    const lab = new Lab();
    try {
      const each = await work(lab);
      for (const number of queue) await each(number);
    } finally {
      await lab.close();
    }
  });
  const settled = await Promise.allSettled(running);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
}
