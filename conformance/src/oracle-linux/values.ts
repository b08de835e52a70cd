/** Values that rules and packets share, so that they meet. Ranges that NAT draws ports from hold none of them. */
export const PORTS = [22, 53, 80, 443, 8080, 30080, 40000, 40001];
export const SERVED = [53, 80, 8080];
export const CLIENT_PORTS = [40000, 40001, 40002];
export const MARKS = [1, 2, 4, 0x4000, 0x8000];
export const DRAWN_RANGES = [
  { from: 50000, to: 50019 },
  { from: 51000, to: 51999 },
];
export const VXLAN_PORT = 4789;
