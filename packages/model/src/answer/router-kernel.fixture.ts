/** A router between three networks, made of network namespaces, whose rules change from round to round. */

/** Names of the namespaces end with the number of the process, so that several can run at once. */
export function setup(id: number): string {
  const [router, inside, outside, dmz] = [`pw-r${id}`, `pw-i${id}`, `pw-o${id}`, `pw-d${id}`];
  return `
for n in ${router} ${inside} ${outside} ${dmz}; do ip netns add $n; ip -n $n link set lo up; done
ip link add lan0 netns ${router} address 02:00:00:00:00:01 type veth peer name eth0 netns ${inside}
ip link add wan0 netns ${router} address 02:00:00:00:00:02 type veth peer name eth0 netns ${outside}
ip link add dmz0 netns ${router} address 02:00:00:00:00:03 type veth peer name eth0 netns ${dmz}
ip -n ${router} addr add 10.0.0.1/24 brd + dev lan0
ip -n ${router} addr add 203.0.113.2/24 brd + dev wan0
ip -n ${router} addr add 192.168.50.1/24 brd + dev dmz0
ip -n ${inside} addr add 10.0.0.5/24 dev eth0
ip -n ${inside} addr add 10.0.0.6/24 dev eth0
ip -n ${outside} addr add 203.0.113.1/24 dev eth0
ip -n ${dmz} addr add 192.168.50.80/24 dev eth0
for l in lan0 wan0 dmz0; do ip -n ${router} link set $l up; done
ip -n ${inside} link set eth0 up; ip -n ${outside} link set eth0 up; ip -n ${dmz} link set eth0 up
ip -n ${inside} route add default via 10.0.0.1
ip -n ${outside} route add 10.0.0.0/24 via 203.0.113.2
ip -n ${dmz} route add default via 192.168.50.1
for n in ${outside} ${dmz}; do ip -n $n route add local 0.0.0.0/0 dev lo table 99; ip -n $n rule add iif eth0 lookup 99 priority 1; done
ip -n ${router} route add default via 203.0.113.1
ip -n ${router} route add default via 192.168.50.80 table 100
ip -n ${router} rule add fwmark 0x1 lookup 100 priority 1000
ip -n ${router} route add prohibit 10.98.0.0/16
ip -n ${router} route add blackhole 10.99.0.0/16
ip netns exec ${router} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.icmp_ratelimit=0
for n in ${outside} ${inside} ${dmz}; do ip netns exec $n iptables-legacy -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 9999; done
`;
}

/** Reads rounds from standard input, prints for each the dumps and what became of each connection. */
export const PROGRAM = `
import ctypes, errno, json, os, select, socket, subprocess, sys, time
asked = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
def enter(name):
    handle = os.open('/run/netns/' + name, os.O_RDONLY)
    if libc.setns(handle, 0x40000000) != 0: raise OSError(ctypes.get_errno(), name)
    os.close(handle)
def run(command, text=None):
    done = subprocess.run(command, shell=True, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0: raise SystemExit(command + ': ' + done.stderr)
    return done.stdout
keep = []
for name, ports in ((asked['outside'], [9999]), (asked['inside'], [9999]), (asked['dmz'], [9999]), (asked['router'], asked['listening'])):
    enter(name)
    for port in ports:
        s = socket.socket(); s.bind(('0.0.0.0', port)); s.listen(64); keep.append(s)
def connect(flow):
    enter(asked[flow['from']])
    s = socket.socket(); s.setblocking(False)
    if 'source' in flow: s.bind((flow['source'], 0))
    code = s.connect_ex((flow['to'], flow['port']))
    return s, code
WORDS = {0: 'connected', errno.ECONNREFUSED: 'refused', errno.EHOSTUNREACH: 'unreachable', errno.ENETUNREACH: 'unreachable',
         errno.EACCES: 'unreachable', errno.EINVAL: 'blackhole', errno.EPERM: 'refused'}
rounds = []
for rules in asked['rounds']:
    enter(asked['router'])
    run('iptables-legacy-restore', rules)
    run('conntrack -F 2>/dev/null || true')
    dumps = {name: run(command) for name, command in asked['commands'].items()}
    waiting, results = [], []
    for flow in asked['flows']:
        s, code = connect(flow)
        waiting.append(s)
        results.append(None if code == errno.EINPROGRESS else WORDS.get(code, errno.errorcode.get(code)))
    end = time.time() + asked['seconds']
    while time.time() < end and any(r is None for r in results):
        open_ = [s for s, r in zip(waiting, results) if r is None]
        _, writable, _ = select.select([], open_, [], max(0, end - time.time()))
        for s in writable:
            # An error may have come behind the handshake, which is all that is asked about.
            try: s.getpeername(); code = 0
            except OSError: code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            results[waiting.index(s)] = WORDS.get(code, errno.errorcode.get(code))
    for s in waiting: s.close()
    rounds.append({'dumps': dumps, 'results': [r or 'timeout' for r in results]})
print(json.dumps(rounds))
`;
