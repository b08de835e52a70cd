/** Small outputs of the tools that list links, routes, sockets and connections, and files of /proc/net. */

const addr = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
    inet6 ::1/128 scope host
       valid_lft forever preferred_lft forever
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc fq_codel master br0 state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns pod-a
    inet 10.0.0.1/24 brd 10.0.0.255 scope global secondary deprecated dynamic noprefixroute eth0
       valid_lft 86000sec preferred_lft 0sec
    inet 10.9.0.1 peer 10.9.0.2/32 scope link eth0
3: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN group default
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
`;
const details = `4: vx0: <BROADCAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master br0 state UNKNOWN mode DEFAULT group default\\    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff promiscuity 0 \\    vxlan id 42 local 10.0.0.1 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum \\    bridge_slave state forwarding priority 32 cost 100 hairpin on guard off isolated on
5: vrf1: <NOARP,MASTER,UP,LOWER_UP> mtu 65575 state UP\\    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff\\    vrf table 10 addrgenmode eui64
6: ipip0@NONE: <POINTOPOINT,NOARP,UP> mtu 1480\\    link/ipip 10.0.0.1 peer 10.0.0.9\\    ipip remote 10.0.0.9 local 10.0.0.1 ttl inherit nopmtudisc
`;
const linkJson =
  '[{"ifindex":2,"link":"eth1","ifname":"eth0","flags":["UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"vxlan","info_data":{"id":42,"local":"10.0.0.1","port":8472}},"addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global","broadcast":"10.0.0.255","label":"eth0"}]}]\n';
const neigh = `10.0.0.8 dev br0 lladdr 02:00:00:00:00:08 used 5/6/7 probes 4 PERMANENT
fe80::1 dev eth0 lladdr 02:00:00:00:00:09 router STALE
10.0.0.9 dev eth0 FAILED
10.0.0.11 dev br0 proxy
`;
const neighJson =
  '[{"dst":"10.0.0.8","dev":"br0","lladdr":"02:00:00:00:00:08","state":["PERMANENT"]},{"dst":"10.0.0.9","dev":"br0","proxy":null}]\n';
const fdb = `02:00:00:00:00:07 dev v0 vlan 10 master br0 static
00:00:00:00:00:00 dev vx0 dst 10.0.0.9 via eth0 self permanent
33:33:00:00:00:01 dev eth0 self permanent
`;
const fdbJson =
  '[{"mac":"02:00:00:00:00:07","ifname":"v0","flags":["self"],"master":"br0","state":"static","dst":"10.0.0.9","vlan":5}]\n';
const bridge = `4: v0@v1: <BROADCAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2
    hairpin off guard off root_block off fastleave off learning on flood on isolated on
`;
const bridgeJson =
  '[{"ifindex":4,"ifname":"v0","flags":["UP"],"mtu":1500,"master":"br0","state":"forwarding","hairpin":true,"isolated":false}]\n';
const vlan = `port              vlan-id
eth0              1 PVID Egress Untagged
                  10-20
br0               1 PVID Egress Untagged
`;
const vlanJson =
  '[{"ifname":"eth0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"vlanEnd":20}]}]\n';
const brctl = `bridge name\tbridge id\t\tSTP enabled\tinterfaces
br0\t\t8000.020000000001\tno\t\tv0
\t\t\t\t\t\t\tv1
br1\t\t8000.000000000000\tyes
`;
const tunnel = `tunl0: ip/ip remote any local any ttl inherit nopmtudisc
gre1: gre/ip remote 10.0.0.2 local 10.0.0.1 dev eth0 ttl 64 ikey 1 okey 0.0.0.2
  Checksum output packets.
ip6tnl1: ipv6/ipv6 remote fd00::2 local fd00::1 encaplimit none hoplimit 64 tclass inherit flowlabel 0x00000 (flowinfo 0x00000000)
`;
const KEYS = ['A', 'B', 'C', 'D'].map((sign) => `${sign.repeat(43)}=`);
const wireguard = `interface: wg0
  public key: ${KEYS[0]}
  private key: (hidden)
  listening port: 51820
  fwmark: 0x10

peer: ${KEYS[1]}
  endpoint: [fd00::2]:51820
  allowed ips: 10.0.0.0/8, fd00::/8
  transfer: 1 KiB received, 2 KiB sent
`;
const wireguardDump = `wg0\t${KEYS[2]}\t${KEYS[0]}\t51820\toff\nwg0\t${KEYS[1]}\t${KEYS[3]}\t10.0.0.2:51820\t10.0.0.0/8,fd00::/8\t17\t1\t2\t25\n`;
const wireguardConf = `[Interface]\nListenPort = 51820\nPrivateKey = ${KEYS[2]}\n\n[Peer]\nPublicKey = ${KEYS[1]}\nAllowedIPs = 10.0.0.0/8\nEndpoint = 10.0.0.2:51820\n`;
export const links = {
  tunnel,
  wireguard,
  wireguardDump,
  wireguardConf,
  addr,
  details,
  json: linkJson,
  neigh,
  neighJson,
  fdb,
  fdbJson,
  bridge,
  bridgeJson,
  vlan,
  vlanJson,
  brctl,
};

const route = `default via 10.0.0.254 dev eth0 proto dhcp src 10.0.0.1 metric 100
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
1.0.0.0/8 table 100 proto static
	nexthop via 10.0.0.8 dev eth0 weight 2
	nexthop via inet6 fe80::1 dev eth0 weight 1 onlink
2.0.0.0/8 via 10.0.0.9 dev eth0 mtu lock 1400 advmss 1300 initcwnd 10 rto_min 5ms
blackhole 4.0.0.0/8
local 10.0.0.1 dev eth0 table local proto kernel scope host src 10.0.0.1
10.5.0.0/16 nhid 7 encap mpls 100/200 via 10.0.0.9 dev eth0
`;
const route6 = `fd00::/64 dev eth0 proto kernel metric 256 pref medium
fe80::/64 dev eth0 proto kernel metric 256 expires 299sec pref high
unreachable fd02::/64 dev lo metric 1024 error -113 pref medium
default proto ra metric 1024
	nexthop via fe80::1 dev eth0 weight 1
	nexthop via fe80::2 dev eth1 weight 1
`;
const routeJson =
  '[{"type":"unicast","dst":"default","gateway":"10.0.0.9","dev":"eth0","protocol":"static","metric":5,"flags":["onlink"],"metrics":[{"mtu":1400}]},{"dst":"1.0.0.0/8","nexthops":[{"via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","weight":2,"flags":[]}]}]\n';
const rule = `0:\tfrom all lookup local
10:\tnot from 10.1.0.0/16 to 10.2.0.0/16 tos 0x10 fwmark 0x1/0xff iif br0 oif eth0 lookup 100
11:\tfrom all ipproto tcp sport 1-5 dport 80 lookup main suppress_prefixlength 0
12:\tfrom all uidrange 0-1000 goto 32766
1000:\tfrom all lookup [l3mdev-table]
32765:\tfrom all blackhole
32766:\tfrom all lookup main
`;
const ruleJson =
  '[{"priority":0,"src":"all","table":"local"},{"priority":10,"not":null,"src":"10.1.0.0","srclen":16,"fwmark":"0x1","fwmask":"0xff","iif":"br0","table":"100"}]\n';
const nexthop = `id 1 via 10.0.0.9 dev eth0 scope link
id 2 group 1,3/3,2 proto bgp
id 3 blackhole
id 4 group 1/3 type resilient buckets 32 idle_timer 60 unbalanced_timer 0 unbalanced_time 0
`;
const nexthopJson =
  '[{"id":1,"gateway":"10.0.0.9","dev":"eth0","scope":"link","flags":["onlink"]},{"id":2,"group":[{"id":1,"weight":3},{"id":3}]},{"id":3,"blackhole":null}]\n';
export const routes = { route, route6, json: routeJson, rule, ruleJson, nexthop, nexthopJson };

const plain = `tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 packets=5 bytes=300 src=10.244.0.2 dst=10.0.0.1 sport=8080 dport=40000 packets=4 bytes=250 [ASSURED] mark=1 secctx=null zone=2 use=1
udp      17 29 src=10.0.0.1 dst=10.0.0.9 sport=5000 dport=53 [UNREPLIED] src=10.0.0.9 dst=10.0.0.1 sport=53 dport=5000 mark=0 use=1
icmp     1 29 src=10.0.0.1 dst=10.0.0.9 type=8 code=0 id=77 src=10.0.0.9 dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.
`;
const extended = `ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [OFFLOAD] mark=0 delta-time=5 [start=Fri Nov 21 10:00:00 2025] labels=a,b id=77
ipv6     10 udp      17 29 src=fd00::1 dst=fd00::2 sport=1 dport=2 [UNREPLIED] src=fd00::2 dst=fd00::1 sport=2 dport=1 zone-orig=1 helper=dns id=78
`;
const xml =
  '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.1</src><dst>10.0.0.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>1</sport><dport>2</dport></layer4><counters><packets>1</packets><bytes>60</bytes></counters></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.2</src><dst>10.0.0.1</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>2</sport><dport>1</dport></layer4></meta><meta direction="independent"><state>ESTABLISHED</state><timeout>5</timeout><mark>0</mark><id>9</id><assured/></meta></flow>\n</conntrack>\n';
const ctProc = `ipv4     2 tcp      6 86399 ESTABLISHED src=127.0.0.1 dst=127.0.0.1 sport=1 dport=2 src=127.0.0.1 dst=127.0.0.1 sport=2 dport=1 [ASSURED] mark=0 zone=0 use=2
ipv4     2 unknown  112 599 src=10.0.0.1 dst=224.0.0.18 [UNREPLIED] src=224.0.0.18 dst=10.0.0.1 mark=0 zone=0 use=2
`;
export const connections = { plain, extended, xml, proc: ctProc };

const ss = `Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*     users:(("sshd",pid=1,fd=3))
tcp   LISTEN 0      128             [::]:80           [::]:*     v6only:1
udp   UNCONN 0      0      127.0.0.53%lo:53        0.0.0.0:*
tcp   LISTEN 0      4096               *:9090            *:*     users:(("a b",pid=2,fd=3),("c",pid=3,fd=4))
`;
const ssAll = `State  Recv-Q Send-Q Local Address:Port  Peer Address:Port
ESTAB  0      0          10.0.0.1:22      10.0.0.2:5000
LISTEN 0      128         0.0.0.0:443      0.0.0.0:*
nl     UNCONN 0      0          rtnl:kernel           *
`;
const netstat = `Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 127.0.0.1:8080          0.0.0.0:*               LISTEN      12/nginx: master
tcp6       0      0 :::9090                 :::*                    LISTEN      -
udp        0      0 0.0.0.0:53              0.0.0.0:*                           1/dns
Active UNIX domain sockets (only servers)
unix  2      [ ACC ]     STREAM     LISTENING     5     /run/x
`;
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7410406
   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 7410407
`;
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:2383 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7410406
`;
const ipvsSave = `-A -t 10.96.0.1:443 -s rr -p 10800 -M 255.255.255.255 -o
-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -m -w 1 -x 10 -y 5
-A -u [fd00::10]:53 -s mh -b mh-port
-A -f 5 -6 -s wlc --pe sip
-a -f 5 -6 -r [fd00::1]:0 -g -w 0
`;
const ipvsList = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr persistent 10800
  -> 10.0.0.2:6443                Masq    1      0          0
FWM  5 IPv6 wlc
  -> [fd00::1]:0                  Route   0      0          0
`;
export const sockets = { ss, ssAll, netstat, tcp, tcp6, ipvsSave, ipvsList };

const sysctl = `net.ipv4.ip_forward = 1
net.ipv4.conf.eth0/5.rp_filter = 2
net.ipv4.tcp_rmem = 4096\t87380\t6291456
net.ipv4.tcp_congestion_control = cubic
net/ipv6/conf/all/forwarding=0
kernel.hostname = n1
`;
const procRoute =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\neth0\t00000000\tFE00000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\nbr0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';
const procRoute6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001      br0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
`;
const arp = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.8         0x1         0x6         02:00:00:00:00:08     *        br0
10.0.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0
`;
const arpN = `Address                  HWtype  HWaddress           Flags Mask            Iface
10.0.0.8                 ether   02:00:00:00:00:08   CM                    br0
10.0.0.9                         (incomplete)                              eth0
`;
const arpA = '? (10.0.0.8) at 02:00:00:00:00:08 [ether] PERM on br0\n? (10.0.0.9) at <incomplete> on eth0\n';
const inet6 = `00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000001 02 40 00 a0     eth0
`;
const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
`;
const trie = `Main:
  +-- 0.0.0.0/1 2 0 2
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.0
           /24 link UNICAST
Local:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.1
        /32 host LOCAL
`;
const ifconfig = `eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 10.0.0.1  netmask 255.255.255.0  broadcast 10.0.0.255
        inet6 fe80::1  prefixlen 64  scopeid 0x20<link>
        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)
        RX packets 5  bytes 300 (300.0 B)

lo        Link encap:Local Loopback
          inet addr:127.0.0.1  Mask:255.0.0.0
          UP LOOPBACK RUNNING  MTU:65536  Metric:1
`;
const routeN = `Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.0.0.254      0.0.0.0         UG    100    0        0 eth0
10.0.0.0        0.0.0.0         255.255.255.0   U     0      0        0 eth0
4.0.0.0         -               255.0.0.0       !     0      -        0 -
`;
const session = `root@node:~# ip route
default via 10.0.0.1 dev eth0
root@node:~# ip netns exec pod-a ip addr
1: lo: <LOOPBACK,UP> mtu 65536
+ sysctl -a
net.ipv4.ip_forward = 1
==> /proc/net/arp <==
IP address       HW type     Flags       HW address            Mask     Device
10.0.0.8         0x1         0x6         02:00:00:00:00:08     *        br0
`;
export const proc = {
  sysctl,
  route: procRoute,
  route6: procRoute6,
  arp,
  arpN,
  arpA,
  inet6,
  dev,
  trie,
  ifconfig,
  routeN,
  session,
};
