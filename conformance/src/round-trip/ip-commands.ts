/** Commands that load a listing into a namespace of its own, and the devices and ways that it takes for granted. */
import type { Family, Route } from '@podwire/engine';

export interface IpJob {
  what: string;
  file: string;
  script: string;
  text: string;
  compare(listing: string): string | undefined;
}

/**
 * Commands for `ip -4 -batch`, `ip -6 -batch`, `ip` one by one (`ip maddress` ends a batch, whatever comes behind), and `bridge -batch`, in this
 * order; `setup` comes before what is there is listed.
 */
export interface Commands {
  setup: string[];
  open?: string[];
  4?: string[];
  6?: string[];
  each?: string[];
  bridge?: string[];
  close?: string[];
}

export const linesIn = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

export const scriptOf = (list: string): string => `set -e
part() { sed -n "s/^$2 //p" "$1" > "$1.$2"; }
part "$1" setup; ip -batch "$1.setup" || { echo "No devices like these can be made here"; exit 1; } >&2
{ ${list}; } > "$1.before"
part "$1" open; while read -r line; do ip $line; done < "$1.open"
part "$1" 4; ip -4 -batch "$1.4"
part "$1" 6; ip -6 -batch "$1.6"
part "$1" each; while read -r line; do ip $line; done < "$1.each"
part "$1" bridge; bridge -batch "$1.bridge"
part "$1" close; while read -r line; do ip $line; done < "$1.close"
{ ${list}; } > "$1.after"
{ cat "$1.before"; echo '== loaded =='; cat "$1.after"; } > "$1.out"`;

export const textOf = (commands: Commands): string =>
  Object.entries(commands)
    .flatMap(([name, lines]: [string, string[]]) => lines.map((line) => `${name} ${line}\n`))
    .join('');

/** Devices with a carrier, up, without addresses of their own; the other end of each has a name that no listing has. */
export function devices(names: Iterable<string>, more: (name: string) => string = () => ''): string[] {
  const made = [...new Set(names)].filter((name) => name !== 'lo');
  return [
    'link set lo up',
    ...made.flatMap((name, i) => [
      `link add name ${name}${more(name)} type veth peer name other-end-${i}`,
      ...[name, `other-end-${i}`].flatMap((end) => [`link set dev ${end} addrgenmode none`, `link set dev ${end} up`]),
    ]),
  ];
}

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

/** A table and a rule that no listing has. */
const WAYS = 4_000_000_000;

/** A gateway must be found on its link when a route names it, and no longer: what leads to it is gone before the listing. */
export function waysTo(gateways: readonly { gateway: string; dev: string }[]): Pick<Commands, 'open' | 'close'> {
  const own = new Set(gateways.map(({ gateway, dev }) => `${gateway} dev ${dev}`));
  const both = (command: string) => [`-4 ${command}`, `-6 ${command}`];
  return {
    open: [
      ...[...own].map(
        (way, i) => `route add ${way} table ${WAYS} metric ${i + 1}${way.includes(':') ? '' : ' scope link'}`,
      ),
      ...both(`rule add pref 1 lookup ${WAYS}`),
    ],
    close: [...both('rule del pref 1'), ...[...own].map((way, i) => `route del ${way} table ${WAYS} metric ${i + 1}`)],
  };
}

export const gatewaysOf = (hops: Route['nexthops']): { gateway: string; dev: string }[] =>
  hops.flatMap(({ via, dev, onlink }) =>
    via === undefined || onlink === true || /^fe[89ab]/i.test(via) ? [] : [{ gateway: via, dev }],
  );
