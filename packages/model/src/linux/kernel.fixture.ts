/** A network namespace to try the tools in: the commands that make it, and those whose text is looked at. */

export const SETUP = `
ip link set lo up
ip link add br0 address 02:00:00:00:00:01 type bridge
ip link add v0 address 02:00:00:00:00:02 type veth peer name v1 address 02:00:00:00:00:03
ip link set v0 master br0 up
ip link set v1 up
ip link set br0 up
ip addr add 10.0.0.1/24 brd + dev br0
ip addr add 10.0.0.2/24 dev br0
ip addr add fd00::1/64 dev br0 nodad
bridge fdb add 02:00:00:00:00:07 dev v0 master static
ip neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev br0 nud permanent
ip neigh add proxy 10.0.0.11 dev br0
ip route add 1.0.0.0/8 via 10.0.0.9
ip route add 2.0.0.0/8 via 10.0.0.9 advmss 1400 initcwnd 10 hoplimit 5 mtu 1300
ip route add 3.0.0.0/8 nexthop via 10.0.0.8 weight 2 nexthop via 10.0.0.9 weight 1
ip route add blackhole 4.0.0.0/8
ip route add default via 10.0.0.9 table 100
ip -6 route add fd01::/64 via fd00::9
ip -6 route add unreachable fd02::/64
ip rule add from 10.1.0.0/16 lookup 100 priority 10
ip rule add fwmark 0x1/0xff iif br0 lookup 100 priority 11
ip -6 rule add to fd01::/64 lookup 100 priority 12
`;

/** What older or smaller kernels may lack; a failure leaves the rest as it is. */
export const OPTIONAL = `
ip nexthop add id 1 via 10.0.0.9 dev br0
ip nexthop add id 2 via 10.0.0.8 dev br0 proto bgp
ip nexthop add id 3 blackhole
ip nexthop add id 4 group 1,3/2
ipset create nets hash:net timeout 300 counters comment
ipset add nets 10.0.0.0/8 timeout 0 comment 'a b'
ipset add nets 10.1.0.0/16 timeout 0 nomatch
ipset create ports bitmap:port range 0-1023
ipset add ports 80
ipset create six hash:ip,port family inet6
ipset add six fd00::1,udp:53
iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP
sysctl -qw net.ipv4.conf.br0.rp_filter=2
`;

/** Runs in the namespace, after some sockets were opened and connections made. */
export const SOCKETS = `
import socket, subprocess, sys, json
keep = []
def listen(family, kind, end, only6=None):
    s = socket.socket(family, kind)
    if only6 is not None: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only6)
    s.bind(end)
    if kind == socket.SOCK_STREAM: s.listen()
    keep.append(s)
    return s
four, six, tcp, udp = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
server = listen(four, tcp, ('127.0.0.1', 8080))
listen(four, tcp, ('0.0.0.0', 22)); listen(six, tcp, ('::', 9090), 0); listen(six, tcp, ('::1', 9091), 1); listen(six, tcp, ('::', 9092), 1)
listen(four, udp, ('0.0.0.0', 53)); listen(six, udp, ('::', 54), 0)
keep.append(socket.create_connection(('127.0.0.1', 8080))); keep.append(server.accept()[0])
u = socket.socket(four, udp); u.sendto(b'x', ('127.0.0.1', 53)); u.sendto(b'x', ('10.0.0.9', 9)); keep.append(u)
texts = {}
for command in json.load(sys.stdin):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    texts[command] = done.stdout if done.returncode == 0 else None
print(json.dumps(texts))
`;

export const COMMANDS = [
  'ip addr',
  'ip -d addr',
  'ip -s -s -d addr',
  'ip -o addr',
  'ip -o -d link',
  'ip -j -d addr',
  'ip -4 route',
  'ip -6 route',
  'ip route show table all',
  'ip -d route show table all',
  'ip -j -d route show table all',
  'ip -j -d -6 route show table all',
  'ip rule',
  'ip -6 rule',
  'ip -d rule',
  'ip -j -d rule',
  'ip neigh',
  'ip -s neigh',
  'ip -j neigh',
  'ip neigh show proxy',
  'ip nexthop',
  'ip -d nexthop',
  'ip -j nexthop',
  'bridge fdb',
  'bridge -d -s fdb',
  'bridge -j -d -s fdb',
  'bridge link',
  'bridge -d link',
  'bridge -j -d link',
  'bridge vlan',
  'bridge -j vlan',
  'ipset save',
  'ipset list',
  'ipset list -o xml',
  'conntrack -L',
  'conntrack -L -o extended,id',
  'conntrack -L -o xml',
  'cat /proc/net/nf_conntrack',
  'ss -lntup',
  'ss -ntuap',
  'ss -anp',
  'netstat -lntup',
  'netstat -anp',
  'cat /proc/net/tcp',
  'cat /proc/net/tcp6',
  'cat /proc/net/udp',
  'cat /proc/net/udp6',
  'sysctl -a 2>/dev/null',
  'cat /proc/net/route',
  'cat /proc/net/ipv6_route',
  'cat /proc/net/arp',
  'cat /proc/net/if_inet6',
  'cat /proc/net/dev',
  'cat /proc/net/fib_trie',
  'ifconfig -a',
  'route -n',
  'route -6 -n',
  'netstat -rn',
  'arp -n',
  'arp -an',
] as const;
