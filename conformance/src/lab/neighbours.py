"""What the network namespace that the thread is in has learnt of its neighbours, over netlink (neighbour.c)."""

import socket
import struct

NEW, DELETE, GET = 28, 29, 30
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
DONE, ERROR = 3, 2
# Given by hand, and made for what needs no asking.
PERMANENT, NO_ARP = 0x80, 0x40
INCOMPLETE = 0x01
NEIGHBOUR = "=BBHiHBB"


def ask(connection, kind, flags, body):
    connection.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body)


def entries(connection):
    """(state, body) of each."""
    ask(connection, GET, DUMP, struct.pack(NEIGHBOUR, socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0))
    found = []
    while True:
        data = connection.recv(1 << 18)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (DONE, ERROR):
                return found
            body = data[16:length]
            family, _, _, _, state, _, _ = struct.unpack_from(NEIGHBOUR, body)
            if family in (socket.AF_INET, socket.AF_INET6):
                found.append((state, body))
            data = data[(length + 3) & ~3 :]


def forget():
    """As `ip neigh flush all`: everybody has to be asked again."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as connection:
        for state, body in entries(connection):
            if state & (PERMANENT | NO_ARP):
                continue
            ask(connection, DELETE, ACK, body)
            connection.recv(1 << 16)


def asks():
    """Does anybody wait for an answer?"""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as connection:
        return any(state & INCOMPLETE for state, _ in entries(connection))
