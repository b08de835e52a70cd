"""What goes over the links of every network namespace: seen by one packet socket in each, and put there by another."""

import socket

from spaces import Inside

ETH_P_ALL = 3
SOL_PACKET, IGNORE_OUTGOING = 263, 23
IPV4, IPV6 = 0x0800, 0x86DD
ICMPV6, HOP_BY_HOP = 58, 0
# What hosts send of their own accord is no traffic: neighbour and router discovery, and groups joined.
CHATTER = {130, 131, 132, 133, 134, 135, 136, 137, 143}


class Sniffer:
    """All that comes in on the links of a network namespace."""

    def __init__(self, lab, netns):
        self.lab, self.netns = lab, netns
        with Inside(lab.spaces[netns]):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        self.frames = []

    def ready(self, _events):
        while True:
            try:
                data, (link, kind, direction, _hardware, _address) = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                # A link went down while it was listened to.
                continue
            if kind == IPV6 and (data[20] == HOP_BY_HOP or (data[20] == ICMPV6 and data[54] in CHATTER)):
                continue
            if kind in (IPV4, IPV6):
                self.frames.append([self.netns, link, direction, data[14:].hex()])


def inject(spaces, netns, link, frame):
    """Puts a frame on a wire, past the network namespace that it seems to come from. False where the link is down."""
    with Inside(spaces[netns]):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
            try:
                wire.bind((link, 0))
                wire.send(frame)
            except OSError:
                return False
    return True
