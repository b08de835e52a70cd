/** `src,dst`: which side of the packet each dimension of an ipset looks at. */
import { Refusal } from './extension.ts';

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
