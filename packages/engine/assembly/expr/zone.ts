/** The zone that rules put a connection into. */
import { skb, some } from '../core/skb';

/** nft_ct_set_zone_eval(): for the connection to be made; one that is there keeps its own. */
export function setZone(zone: u32, directions: u32): void {
  const s = skb();
  if (some(s.flow) || s.zoneDirections != 0 || s.helper != 0) return;
  // The template takes the place of what made it untracked.
  s.ctInfo = 0;
  s.judged = 0;
  s.zone = <u16>zone;
  s.zoneDirections = <u8>directions;
}
