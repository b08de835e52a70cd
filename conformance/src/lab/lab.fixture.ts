/** The kernel in tests: those that need it skip, with the reason, where it cannot be asked. */
import { afterAll, beforeAll, type TestContext } from 'vitest';
import { kernelMissing, Lab } from './lab.ts';

const missing = kernelMissing();

export function skipWithoutKernel({ skip }: TestContext): void {
  skip(missing !== undefined, missing);
}

/** One lab for the tests of a file or of a `describe`; each gets it by its context. */
export function useLab(): (context: TestContext) => Lab {
  let lab: Lab | undefined;
  beforeAll(() => {
    lab = missing === undefined ? new Lab() : undefined;
  });
  afterAll(() => lab?.close());
  return (context) => {
    skipWithoutKernel(context);
    if (!lab) throw new Error('there is no lab');
    return lab;
  };
}
