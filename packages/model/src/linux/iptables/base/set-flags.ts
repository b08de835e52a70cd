/** `src,dst`: which side of the packet each dimension of an ipset looks at. */
import { type Context, Refusal } from './extension.ts';

/** IPSET_DIM_MAX. */
const MAX_DIMENSIONS = 6;

/** One word per dimension. */
export function readSetFlags(text: string): ('src' | 'dst')[] {
  const flags = text.split(',').map((part) => {
    if (part !== 'src' && part !== 'dst') {
      throw new Refusal(`You must specify (the comma separated list of) 'src' or 'dst', not "${part}"`);
    }
    return part;
  });
  if (flags.length > MAX_DIMENSIONS) throw new Refusal(`Can't set dimension > ${MAX_DIMENSIONS}`);
  return flags;
}

/** IPSET_MAXNAMELEN, the terminating zero included. */
const MAX_NAME = 32;

/** The tool asks the kernel for the set's number. */
export function checkSet(name: string, { place }: Context): void {
  if (name.length >= MAX_NAME) throw new Refusal(`setname \`${name}' too long, max ${MAX_NAME - 1} characters.`);
  if (place.objects?.sets?.has(name) === false) throw new Refusal(`Set ${name} doesn't exist.`);
}
