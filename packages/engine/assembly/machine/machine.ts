/** Loading, resetting, sending: the calls of the host in order. */
import { balanceReset } from '../balance/flows';
import { indexBuild } from '../chain/candidates';
import { clockAdvance, clockReset } from '../core/clock';
import { script } from '../core/choice';
import { takeFailure } from '../core/failure';
import { linksBuild } from '../core/links';
import { claim, seal, unwind } from '../core/memory';
import { namesSet } from '../core/names';
import { some } from '../core/skb';
import { helpersReset, watch } from '../ct/helper';
import { flowConfirm, flowKill, flowMake, flowsExpire, flowsFirst, flowsReset } from '../ct/flows';
import { startTimeout } from '../ct/settings';
import { startTcp } from '../ct/tcp';
import { chanceReset } from '../expr/nft/chance';
import { memoForget, memoReset } from '../expr/nft/memo';
import { countersReset } from '../expr/statistic';
import { recentReset } from '../expr/recent';
import { connectionsExpire, connectionsReset } from '../ipvs/connections';
import { picksReset } from '../ipvs/schedule';
import { multipathReset } from '../fib/multipath';
import { pathMtuReset } from '../fib/path-mtu';
import { prefixesBuild } from '../fib/prefixes';
import { Chain } from '../layout/chain';
import { Flow } from '../layout/flow';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { TableSlot } from '../layout/route';
import { IpSet } from '../layout/set';
import { socketsReset } from '../path/sockets';
import { questionsBuild } from '../path/question';
import { walk, walkBack, walkReset } from '../path/walk';
import { nftSetsBuild } from '../set/nft';
import { nftChangesForget, nftChangesReset } from '../set/nft-changes';
import { setBuild, setsReset } from '../set/sets';
import { forgetBlocks } from '../store/blocks';
import { domainsBuild } from '../wire/domain';
import { learntClear } from '../wire/learnt';
import { ownersBuild } from '../wire/owners';
import { stacksBuild } from '../wire/stacks';
import { tunnelsBuild } from '../wire/tunnels';

/** What the host encoded: where its arrays are. */
@unmanaged
export class Manifest {
  netnses: usize;
  netnsCount: u32;
  links: usize;
  linkCount: u32;
  segments: usize;
  segmentCount: u32;
  addresses: usize;
  addressCount: u32;
  /** `Chain[]` of all tables. */
  chains: usize;
  chainCount: u32;
  /** `IpSet[]`. */
  sets: usize;
  setCount: u32;
  /** `NftSet` pointers. */
  nftSets: usize;
  nftSetCount: u32;
  /** 16 bytes for each symbol of an interface name. */
  names: usize;
  nameCount: u32;
  /** First byte behind what the host wrote. */
  end: usize;
}

export const MANIFEST_SIZE: u32 = offsetof<Manifest>();
export const MANIFEST_NETNSES: u32 = offsetof<Manifest>('netnses');
export const MANIFEST_LINKS: u32 = offsetof<Manifest>('links');
export const MANIFEST_SEGMENTS: u32 = offsetof<Manifest>('segments');
export const MANIFEST_ADDRESSES: u32 = offsetof<Manifest>('addresses');
export const MANIFEST_CHAINS: u32 = offsetof<Manifest>('chains');
export const MANIFEST_SETS: u32 = offsetof<Manifest>('sets');
export const MANIFEST_NFT_SETS: u32 = offsetof<Manifest>('nftSets');
export const MANIFEST_NAMES: u32 = offsetof<Manifest>('names');
export const MANIFEST_END: u32 = offsetof<Manifest>('end');

/** Counts incompatible changes of records and calls; the host refuses any other. */
export const ABI_VERSION: u32 = 1;

let netnses: usize = 0;
let netnsCount: u32 = 0;

@inline
function netnsAt(i: u32): Netns {
  return changetype<Netns>(netnses + <usize>i * offsetof<Netns>());
}

/** Takes over what the host has encoded: builds every index over it. Returns a `Failure`. */
export function load(at: usize): i32 {
  takeFailure();
  const manifest = changetype<Manifest>(at);
  claim(manifest.end);
  forgetBlocks();
  nftChangesForget();
  namesSet(manifest.names, manifest.nameCount);
  netnses = manifest.netnses;
  netnsCount = manifest.netnsCount;
  stacksBuild(manifest.links, manifest.linkCount);
  tunnelsBuild(manifest.links, manifest.linkCount);
  domainsBuild(manifest.links, manifest.linkCount, manifest.segments, manifest.segmentCount);
  ownersBuild(manifest.addresses, manifest.addressCount, manifest.links, manifest.linkCount);
  for (let i: u32 = 0; i < manifest.chainCount; i++) {
    indexBuild(changetype<Chain>(manifest.chains + <usize>i * offsetof<Chain>()));
  }
  for (let i: u32 = 0; i < manifest.setCount; i++) {
    setBuild(changetype<IpSet>(manifest.sets + <usize>i * offsetof<IpSet>()));
  }
  questionsBuild(netnses, netnsCount);
  nftSetsBuild(manifest.nftSets, manifest.nftSetCount);
  for (let i: u32 = 0; i < netnsCount; i++) {
    const netns = netnsAt(i);
    linksBuild(netns);
    for (let j: u32 = 0; j < netns.tableCount; j++) {
      prefixesBuild(changetype<TableSlot>(netns.tables + <usize>j * offsetof<TableSlot>()).layer);
    }
  }
  seal();
  reset();
  return takeFailure();
}

/** The connections that conntrack holds at the start. */
function restoreFlows(netns: Netns): void {
  for (let i: u32 = 0; i < netns.flowCount; i++) {
    const flow = flowMake(netns);
    if (!some(flow)) return;
    const made = flow.nextMade;
    memory.copy(changetype<usize>(flow), netns.flows + <usize>i * offsetof<Flow>(), offsetof<Flow>());
    flow.netns = netns;
    flow.nextMade = made;
    if (flow.helper != 0) watch(flow, flow.helper);
    startTimeout(flow);
    startTcp(flow);
    flowConfirm(flow);
  }
}

/** Back to the state as loaded. */
export function reset(): void {
  nftChangesReset();
  unwind();
  forgetBlocks();
  clockReset();
  countersReset();
  recentReset();
  setsReset();
  chanceReset();
  memoReset();
  socketsReset();
  balanceReset();
  multipathReset();
  picksReset();
  connectionsReset();
  pathMtuReset();
  flowsReset();
  helpersReset();
  walkReset();
  learntClear();
  script(0);
  for (let i: u32 = 0; i < netnsCount; i++) {
    netnsAt(i).ctCount = 0;
    if (netnsAt(i).flowCount != 0) restoreFlows(netnsAt(i));
  }
}

/** The host has written `length` answers: the choices to come take them. */
export function setScript(length: u32): void {
  script(length);
  multipathReset();
  picksReset();
  memoForget();
}

/** Sends the packet at PACKET_BASE; `link` 0: made in the namespace. Returns a `Failure`. */
export function send(netns: usize, link: usize): i32 {
  walk(changetype<Netns>(netns), changetype<Link>(link));
  return takeFailure();
}

/** Sends back what the last end makes: 0 nothing, 1 a walk; a failure is asked for by `takeFailure`. */
export function answer(): i32 {
  return walkBack() ? 1 : 0;
}

/** Moves the clock forward; connections end. */
export function advance(ms: f64): void {
  clockAdvance(ms);
  connectionsExpire();
  flowsExpire();
}

/** Forgets one connection. */
export function forget(flow: usize): void {
  flowKill(changetype<Flow>(flow));
}

/** `conntrack -F`; 0: in all namespaces. */
export function flush(netns: usize): void {
  let flow = flowsFirst();
  while (some(flow)) {
    const next = flow.next;
    if (netns == 0 || changetype<usize>(flow.netns) == netns) flowKill(flow);
    flow = next;
  }
}
