/** How `ip` says no: with an error number of the kernel, with the kernel's own words, or by itself. */

const STRERROR: Readonly<Record<string, string>> = {
  EEXIST: 'File exists',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EINVAL: 'Invalid argument',
  ENODEV: 'No such device',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  EOPNOTSUPP: 'Operation not supported',
  EAGAIN: 'Resource temporarily unavailable',
};

export class IpRefusal extends Error {
  /** `EEXIST` ...; absent where `ip` itself refused. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}

/** The kernel's answer without words of its own. */
export function kernelError(errno: string): IpRefusal {
  return new IpRefusal(`RTNETLINK answers: ${STRERROR[errno] ?? errno}`, errno);
}

/** The kernel's answer with an explanation (netlink's extended acknowledgement). */
export function kernelSays(message: string, errno = 'EINVAL'): IpRefusal {
  return new IpRefusal(`Error: ${message}.`, errno);
}

/** `ip` does not understand its arguments. */
export function usage(message: string): IpRefusal {
  return new IpRefusal(`Error: ${message}`);
}
