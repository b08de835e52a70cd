"""The connections of the network namespace that the thread is in, over netlink (nf_conntrack_netlink.c)."""

import socket
import struct

NETLINK_NETFILTER = 12
GET, DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8, IPCTNL_MSG_CT_GET and _DELETE
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
TYPE_MASK = 0x3FFF

TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, MARK, ZONE = 1, 2, 3, 4, 8, 18
TUPLE_IP, TUPLE_PROTO, TUPLE_ZONE = 1, 2, 3
V4_SRC, V4_DST, V6_SRC, V6_DST = 1, 2, 3, 4
PROTO_NUM, PROTO_SRC_PORT, PROTO_DST_PORT = 1, 2, 3
ICMP, ICMPV6 = (4, 5, 6), (7, 8, 9)  # identifier, type, code
SEEN_REPLY, ASSURED, SRC_NAT, DST_NAT = 2, 4, 16, 32
TCP_STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")
PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", 132: "sctp"}


def request(kind, flags):
    """An open socket that has asked, for both families."""
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
    connection.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
    return connection


def messages(connection):
    """Messages up to the end of the answer; raises OSError where the kernel says no."""
    while True:
        data = connection.recv(1 << 18)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == DONE:
                return
            if kind == ERROR:
                (number,) = struct.unpack_from("=i", data, 16)
                if number:
                    raise OSError(-number, "conntrack over netlink")
                return
            yield data[16:length]
            data = data[(length + 3) & ~3 :]


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & TYPE_MASK] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def flow_of(data):
    parts = attributes(data)
    ip, protocol = attributes(parts[TUPLE_IP]), attributes(parts[TUPLE_PROTO])
    family = socket.AF_INET if V4_SRC in ip else socket.AF_INET6
    source, destination = (V4_SRC, V4_DST) if family == socket.AF_INET else (V6_SRC, V6_DST)
    short = lambda key: struct.unpack("!H", protocol[key])[0] if key in protocol else 0
    sport, dport = short(PROTO_SRC_PORT), short(PROTO_DST_PORT)
    for identifier, kind, code in (ICMP, ICMPV6):
        if kind in protocol:
            sport, dport = short(identifier), protocol[kind][0] * 256 + protocol[code][0]
    flow = {
        "saddr": socket.inet_ntop(family, ip[source]),
        "daddr": socket.inet_ntop(family, ip[destination]),
        "sport": sport,
        "dport": dport,
    }
    return protocol[PROTO_NUM][0], flow


def details(number, parts, status):
    """What only the oracle of Linux configurations asks for. A zone of one direction stands in that direction's tuple."""
    zones = [parts[ZONE]] if ZONE in parts else []
    zones += [attributes(parts[side])[TUPLE_ZONE] for side in (TUPLE_ORIG, TUPLE_REPLY) if TUPLE_ZONE in attributes(parts[side])]
    return {
        "protocol": number,
        "zone": struct.unpack("!H", zones[0])[0] if zones else 0,
        "snat": bool(status & SRC_NAT),
        "dnat": bool(status & DST_NAT),
    }


def dump(every=False):
    """TCP's, UDP's and SCTP's connections: [{protocol, original, reply, state, flags}]; with `every` all, their protocol as a number, with `details`"""
    found = []
    with request(GET, DUMP) as connection:
        for message in messages(connection):
            parts = attributes(message[4:])
            number, original = flow_of(parts[TUPLE_ORIG])
            if number not in PROTOCOLS and not every:
                continue
            (status,) = struct.unpack("!I", parts[STATUS])
            (mark,) = struct.unpack("!I", parts.get(MARK, bytes(4)))
            state = ""
            if number == socket.IPPROTO_TCP:
                state = TCP_STATES[attributes(attributes(parts[PROTOINFO])[1])[1][0]]
            flags = []
            if not status & SEEN_REPLY:
                flags.append("UNREPLIED")
            if status & ASSURED:
                flags.append("ASSURED")
            if mark:
                flags.append(f"mark={mark}")
            found.append({
                "protocol": PROTOCOLS.get(number),
                "original": original,
                "reply": flow_of(parts[TUPLE_REPLY])[1],
                "state": state,
                "flags": flags,
                **(details(number, parts, status) if every else {}),
            })
    return found


def flush():
    """As `conntrack -F`."""
    with request(DELETE, ACK) as connection:
        for _ in messages(connection):
            pass
