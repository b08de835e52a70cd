/** Listings of `ip` and `bridge` beside what was loaded. What the kernel adds or lets run by itself is left out. */

const linesIn = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

/** A line without what tells how things stand: counters of users, carriers, times. */
export function flatWords(line: string): string {
  return line
    .replaceAll(/ (?:linkdown|dead|offload|trap|rt_trap|rt_offload|offload_failed|rt_offload_failed)(?= |$)/g, '')
    .replaceAll(/ (?:expires|error|age|users|used) \S+/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/**
 * Each route with its nexthops on one line; what an object has inside is listed with the objects. The kernel gives a route to all groups to
 * every device, once it has a carrier, and those of metric 0 to IPv6 addresses.
 */
export function flatRoutes(text: string): string {
  const joined = text.replaceAll(/\n\s+nh_info [^\n]*/g, '').replaceAll(/\n\s+(?=nexthop )/g, ' ');
  return linesIn(joined)
    .map(flatWords)
    .filter(
      (line) =>
        !/^multicast ff00::\/8 dev \S+ table local proto kernel |^(local|anycast) \S+ .*\bmetric 0\b/.test(line),
    )
    .join('\n');
}

/** Entries go from state to state by themselves; that somebody set them, and that there was no answer, stays. */
export function flatNeighbors(text: string): string[] {
  return linesIn(text).map((line) =>
    flatWords(line)
      .replace(/ (?:REACHABLE|STALE|DELAY|PROBE)$/, ' learnt')
      .replace(/ (?:router|extern_learn|managed)(?= |$)/g, ''),
  );
}

/** `NAME mtu 1500 02:00:00:00:00:01` and `NAME inet 10.0.0.1/24 scope global` of a whole listing of addresses. */
export function flatAddresses(text: string): string[] {
  const found: string[] = [];
  let name = '';
  for (const line of text.split('\n')) {
    const [, head, mtu] = /^\d+: ([^@:\s]+(?::[^@:\s]+)*)(?:@\S+)?: <.* mtu (\d+)/.exec(line) ?? [];
    const mac = /^\s+link\/ether (\S+)/.exec(line)?.[1];
    const address = /^\s+(inet6? .*)$/.exec(line)?.[1];
    if (head !== undefined) {
      name = head;
      found.push(`${name} mtu ${mtu}`);
    } else if (mac !== undefined) found.push(`${name} ${mac}`);
    else if (address !== undefined) {
      const words = flatWords(address).replaceAll(
        / (?:dynamic|tentative|nodad|optimistic|temporary|mngtmpaddr|stable-privacy)(?= |$)/g,
        '',
      );
      found.push(`${name} ${words}`);
    }
  }
  return found;
}

/** Where a VXLAN sends to itself the tool says so twice. */
export function flatFdb(text: string): string[] {
  return linesIn(text).map((line) =>
    flatWords(line).replaceAll(/ (?:link-netnsid \d+|extern_learn|sticky)(?= |$)/g, ''),
  );
}

/** `listing`: what was there before, a mark, and what was there then. Ours must be there; what else is must have been. */
export function beside(
  expected: readonly string[],
  listing: string,
  flat: (text: string) => string[],
): string | undefined {
  const [before = '', after = ''] = listing.split('== loaded ==\n');
  const there = new Set(flat(after));
  const missing = expected.find((line) => !there.has(line));
  if (missing !== undefined) {
    const [first = ''] = missing.split(' ');
    const near = [...there].find((line) => line.startsWith(`${first} `) || line.includes(` ${missing.split(' ')[1]} `));
    return `"${missing}" is not listed${near === undefined ? '' : `, but "${near}"`}`;
  }
  const known = new Set([...expected, ...flat(before)]);
  const more = [...there].find((line) => !known.has(line));
  return more === undefined ? undefined : `"${more}" is listed, too`;
}
