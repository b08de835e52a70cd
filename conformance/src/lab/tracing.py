"""Which rules a packet met, as nf_tables tells (nf_tables_trace.c): the events of `nft monitor trace` over netlink."""

import errno
import socket
import struct

from conntrack import NETLINK_NETFILTER, attributes, messages
from spaces import Inside, must_end

NF_TABLES = 10
GET_RULE, TRACE = (NF_TABLES << 8) | 7, (NF_TABLES << 8) | 17
REQUEST, DUMP = 0x1, 0x300
SOL_NETLINK, ADD_MEMBERSHIP, TRACE_GROUP = 270, 1, 9

RULE_TABLE, RULE_CHAIN, RULE_HANDLE = 1, 2, 3
TABLE, CHAIN, HANDLE, TYPE, VERDICT, ID, NETWORK_HEADER, TRANSPORT_HEADER, POLICY = 1, 2, 3, 4, 5, 6, 8, 9, 16
MARK = 14
VERDICT_CODE, VERDICT_CHAIN = 1, 2
POLICY_TYPE = 1
VERDICTS = {0: "drop", 1: "accept", 2: "stolen", -1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return"}


def text(data):
    return data.rstrip(b"\0").decode()


def numbers_of_rules():
    """{(family, table, chain, handle): position in its chain} of the network namespace that the thread is in"""
    found, counts = {}, {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as connection:
        body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
        connection.send(struct.pack("=IHHII", 16 + len(body), GET_RULE, REQUEST | DUMP, 1, 0) + body)
        for message in messages(connection):
            parts = attributes(message[4:])
            place = (message[0], text(parts[RULE_TABLE]), text(parts[RULE_CHAIN]))
            at = counts.get(place, 0)
            counts[place] = at + 1
            found[(*place, struct.unpack("!Q", parts[RULE_HANDLE])[0])] = at
    return found


class Tracer:
    """The events of one network namespace."""

    def __init__(self, lab, netns):
        self.netns = netns
        with Inside(lab.spaces[netns]):
            self.rules = numbers_of_rules()
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, TRACE_GROUP)
        self.events = []

    def ready(self, _events):
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self.events.append({"lost": True})
                    continue
                raise
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == TRACE:
                    self.note(data[16:length])
                data = data[(length + 3) & ~3 :]

    def note(self, message):
        parts = attributes(message[4:])
        # That of the table; what the message tells as its family is the packet's.
        family = message[0]
        place = (family, text(parts[TABLE]), text(parts[CHAIN]))
        event = {"family": family, "table": place[1], "chain": place[2], "id": parts[ID].hex()}
        kind = struct.unpack("!I", parts[TYPE])[0]
        # The end of a user chain is told without a rule, a rule that returns with one.
        if HANDLE in parts:
            event["rule"] = self.rules.get((*place, struct.unpack("!Q", parts[HANDLE])[0]), -1)
        if kind == POLICY_TYPE:
            event["policy"] = VERDICTS[struct.unpack("!i", parts[POLICY])[0]]
        if VERDICT in parts:
            verdict = attributes(parts[VERDICT])
            code = struct.unpack("!i", verdict[VERDICT_CODE])[0]
            event["verdict"] = VERDICTS.get(code, str(code))
            if VERDICT_CHAIN in verdict:
                event["target"] = text(verdict[VERDICT_CHAIN])
        # Of a piece of IPv6 behind the first all that is told is the first 20 bytes, as its transport's (ipv6_find_hdr finds no place for it).
        if NETWORK_HEADER in parts or TRANSPORT_HEADER in parts:
            event["packet"] = (parts.get(NETWORK_HEADER, b"") + parts.get(TRANSPORT_HEADER, b"")).hex()
            event["mark"] = struct.unpack("!I", parts[MARK])[0] if MARK in parts else 0
        self.events.append(event)
        must_end(self.events)
