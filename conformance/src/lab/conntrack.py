"""The connections of the network namespace that the thread is in, over netlink (nf_conntrack_netlink.c)."""

import socket
import struct

NETLINK_NETFILTER = 12
GET, DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8, IPCTNL_MSG_CT_GET and _DELETE
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
TYPE_MASK = 0x3FFF

TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, MARK = 1, 2, 3, 4, 8
TUPLE_IP, TUPLE_PROTO = 1, 2
V4_SRC, V4_DST, V6_SRC, V6_DST = 1, 2, 3, 4
PROTO_NUM, PROTO_SRC_PORT, PROTO_DST_PORT = 1, 2, 3
SEEN_REPLY, ASSURED = 2, 4
TCP_STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")
PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}


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
    port = lambda key: struct.unpack("!H", protocol[key])[0] if key in protocol else 0
    flow = {
        "saddr": socket.inet_ntop(family, ip[source]),
        "daddr": socket.inet_ntop(family, ip[destination]),
        "sport": port(PROTO_SRC_PORT),
        "dport": port(PROTO_DST_PORT),
    }
    return protocol[PROTO_NUM][0], flow


def dump():
    """TCP's and UDP's connections: [{protocol, original, reply, state, flags}]"""
    found = []
    with request(GET, DUMP) as connection:
        for message in messages(connection):
            parts = attributes(message[4:])
            number, original = flow_of(parts[TUPLE_ORIG])
            if number not in PROTOCOLS:
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
                "protocol": PROTOCOLS[number],
                "original": original,
                "reply": flow_of(parts[TUPLE_REPLY])[1],
                "state": state,
                "flags": flags,
            })
    return found


def flush():
    """As `conntrack -F`."""
    with request(DELETE, ACK) as connection:
        for _ in messages(connection):
            pass
