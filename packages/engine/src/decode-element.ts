/** Elements of nftables' sets that rules found: the host's own, or what a rule added, made anew. */
import type { Abi } from './abi.ts';
import { formatAddress, type Words } from './address.ts';
import { getWords } from './arena.ts';
import type { Objects } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { NftElement, NftSet, Scalar, ValueRange, ValueType } from './selector.ts';
import type { Views } from './views.ts';

const VALUE = 16;

function macText(words: Words): string {
  const digits = (words[2] * 2 ** 32 + words[3]).toString(16).padStart(12, '0');
  return digits.match(/../g)?.join(':') ?? digits;
}

function scalarOf(objects: Objects, type: ValueType, words: Words): Scalar {
  switch (type) {
    case 'ifname':
      return objects.interfaces[words[3] - 1] ?? '';
    case 'ipv4_addr':
      return formatAddress({ family: 4, words });
    case 'ipv6_addr':
      return formatAddress({ family: 6, words });
    case 'ether_addr':
      return macText(words);
    default:
      return words[2] * 2 ** 32 + words[3];
  }
}

/** The element whose record is at `at`. */
export function readElement(abi: Abi, views: Views, objects: Objects, at: number): NftElement {
  const { u32, u8 } = views;
  const setAt = u32[(at + abi.NFT_ELEMENT_SET) >>> 2] as number;
  const set: NftSet | undefined = objects.nftSets[u32[(setAt + abi.NFT_SET_ID) >>> 2] as number];
  const number = u32[(at + abi.NFT_ELEMENT_ID) >>> 2] as number;
  const own = number === 0 ? undefined : set?.elements[number - 1];
  if (own) return own;
  if (!set) throw new EngineError('BROKEN', 'the engine names an element of no set');
  const first = at + abi.NFT_ELEMENT_SIZE;
  const read = (type: ValueType, i: number) => scalarOf(objects, type, getWords(u32, first + i * VALUE));
  const key = set.type.map(read);
  const { data } = set;
  if (!Array.isArray(data)) return { key };
  const isRanged = u8[setAt + abi.NFT_SET_DATA_RANGES] === 1;
  const values = data.map((type, i): ValueRange => {
    const from = read(type, key.length + i);
    const to = isRanged ? read(type, key.length + data.length + i) : from;
    return from === to ? from : { from, to };
  });
  return { key, data: values };
}
