/** Errors of netlink as Go's syscall package words them. */
import { ToolRefusal } from '../host/namespace.ts';

const WORDS: Readonly<Record<string, string>> = {
  EEXIST: 'file exists',
  ENOENT: 'no such file or directory',
  ESRCH: 'no such process',
  EINVAL: 'invalid argument',
  ENODEV: 'no such device',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  EHOSTUNREACH: 'no route to host',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EBUSY: 'device or resource busy',
  EOPNOTSUPP: 'operation not supported',
};

function goError(refusal: ToolRefusal): string {
  const { errno, message } = refusal;
  return errno === undefined ? message : (WORDS[errno] ?? errno);
}

/** Runs something; what the kernel refuses is handed on in the words of `why`, or does not matter where it gives none. */
export function netlink(run: () => void, why: (error: string, errno: string | undefined) => Error | undefined): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ToolRefusal)) throw error;
    const handed = why(goError(error), error.errno);
    if (handed) throw handed;
  }
}
