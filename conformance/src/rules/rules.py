"""Policy rules and look-ups in a network namespace of its own, by netlink: iproute2 may not have every selector yet.

Reads {"setup": [argv...], "cases": [{"rules": [{...}], "questions": [{...}]}]} on standard input. Writes for each case a list of
[number of the table, 0], or [0, errno].
"""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
RTM_NEWRULE, RTM_DELRULE, RTM_GETROUTE = 32, 33, 26
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400
NLMSG_ERROR = 2
FR_ACT_TO_TBL, FR_ACT_PROHIBIT = 1, 8
FIB_RULE_INVERT = 2
RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH = 0x1000, 0x2000

# include/uapi/linux/fib_rules.h: number, and how the value is written.
RULE = {
    "iif": (3, "z"), "priority": (6, "I"), "fwmark": (10, "I"), "tunId": (12, ">Q"), "suppressGroup": (13, "I"),
    "suppressPrefixLength": (14, "I"), "table": (15, "I"), "fwmask": (16, "I"), "oif": (17, "z"), "uidrange": (20, "II"),
    "ipproto": (22, "B"), "sport": (23, "HH"), "dport": (24, "HH"), "dscp": (25, "B"), "flowlabel": (26, ">I"),
    "flowlabelMask": (27, ">I"), "sportMask": (28, "H"), "dportMask": (29, "H"), "dscpMask": (30, "B"),
}
# include/uapi/linux/rtnetlink.h
ROUTE = {
    "iif": (3, "I"), "oif": (4, "I"), "mark": (16, "I"), "uid": (25, "I"), "protocol": (27, "B"), "sport": (28, ">H"),
    "dport": (29, ">H"), "flowlabel": (31, ">I"),
}


def attribute(number, payload):
    length = 4 + len(payload)
    return struct.pack("HH", length, number) + payload + b"\0" * (-length % 4)


def attributes(table, values):
    out = b""
    for name, value in values.items():
        if name not in table:
            continue
        number, form = table[name]
        payload = value.encode() + b"\0" if form == "z" else struct.pack(form, *(value if isinstance(value, list) else [value]))
        out += attribute(number, payload)
    return out


class Netlink:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, 0))
        self.number = 0

    def ask(self, kind, flags, body):
        """The errno and the message that answers."""
        self.number += 1
        self.socket.send(struct.pack("IHHII", 16 + len(body), kind, flags, self.number, 0) + body)
        data = self.socket.recv(65536)
        kind = struct.unpack_from("H", data, 4)[0]
        if kind == NLMSG_ERROR:
            return -struct.unpack_from("i", data, 16)[0], b""
        return 0, data[16:]


FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def rule_body(rule):
    action = FR_ACT_TO_TBL if "table" in rule else FR_ACT_PROHIBIT
    flags = FIB_RULE_INVERT if rule.get("not") else 0
    header = struct.pack("BBBBBBBBI", FAMILIES[rule["family"]], 0, 0, rule.get("tos", 0), 0, 0, 0, action, flags)
    return header + attributes(RULE, rule)


def table_of(answer):
    at = 12
    while at + 4 <= len(answer):
        length, number = struct.unpack_from("HH", answer, at)
        if number == 15:
            return struct.unpack_from("I", answer, at + 4)[0]
        at += (length + 3) & ~3
    return answer[4]


def lookup(netlink, question):
    family = FAMILIES[question["family"]]
    address = socket.inet_pton(family, question["daddr"])
    header = struct.pack("BBBBBBBBI", family, len(address) * 8, 0, question.get("tos", 0), 0, 0, 0, 0, RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH)
    named = {**question, **{way: socket.if_nametoindex(question[way]) for way in ("iif", "oif") if way in question}}
    error, answer = netlink.ask(RTM_GETROUTE, REQUEST, header + attribute(1, address) + attributes(ROUTE, named))
    return [0, error] if error else [table_of(answer), 0]


def main():
    asked = json.load(sys.stdin)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for argv in asked["setup"]:
        subprocess.run(argv, check=True)
    netlink = Netlink()
    told = []
    for case in asked["cases"]:
        for rule in case["rules"]:
            error, _ = netlink.ask(RTM_NEWRULE, REQUEST | ACK | EXCL | CREATE, rule_body(rule))
            if error:
                raise OSError(error, os.strerror(error), json.dumps(rule))
        told.append([lookup(netlink, question) for question in case["questions"]])
        for rule in case["rules"]:
            netlink.ask(RTM_DELRULE, REQUEST | ACK, rule_body(rule))
    json.dump(told, sys.stdout)


main()
