"""What goes over the links of every network namespace: seen by one packet socket in each, and put there by another."""

import fcntl
import mmap
import socket
import struct

from spaces import Inside, must_end

ETH_P_ALL = 3
SOL_PACKET, RX_RING, VERSION, IGNORE_OUTGOING, TPACKET_V2 = 263, 5, 10, 23, 1
# Of long packets the headers are enough.
FRAME, FRAMES = 2048, 512
BLOCK, BLOCKS = FRAME * 32, FRAMES // 32
FOR_USER = 1
# `struct sockaddr_ll` behind `struct tpacket2_hdr`.
ADDRESS = 32
ETHERNET = 14
SIOCGIFNAME = 0x8910
IPV4, IPV6 = 0x0800, 0x86DD
ICMPV6, HOP_BY_HOP = 58, 0
# What hosts send of their own accord is no traffic: neighbour and router discovery, and groups joined.
CHATTER = {130, 131, 132, 133, 134, 135, 136, 137, 143}


class Sniffer:
    """
    All that comes in on the links of a network namespace, as it was when it came: the kernel copies it into a ring (tpacket_rcv). What a socket
    without one reads is the packet's own memory, in which pieces may have been given another header since (ip_fraglist_prepare).
    """

    def __init__(self, lab, netns):
        self.lab, self.netns = lab, netns
        with Inside(lab.spaces[netns]):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, VERSION, TPACKET_V2)
        self.socket.setsockopt(SOL_PACKET, RX_RING, struct.pack("=4I", BLOCK, BLOCKS, FRAME, FRAMES))
        self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        self.ring = mmap.mmap(self.socket.fileno(), BLOCK * BLOCKS)
        self.at = 0
        self.names = {}
        self.frames = []

    def name(self, index):
        if index not in self.names:
            found = fcntl.ioctl(self.socket, SIOCGIFNAME, struct.pack("16si20x", b"", index))
            self.names[index] = found[:16].rstrip(b"\0").decode()
        return self.names[index]

    def ready(self, _events):
        while True:
            start = self.at * FRAME
            status, _length, size, _mac, network = struct.unpack_from("=3I2H", self.ring, start)
            if not status & FOR_USER:
                return
            kind, index, direction = struct.unpack_from("!2xH", self.ring, start + ADDRESS) + struct.unpack_from(
                "=4xi2xB", self.ring, start + ADDRESS)
            data = self.ring[start + network : start + network + size - ETHERNET]
            struct.pack_into("=I", self.ring, start, 0)
            self.at = (self.at + 1) % FRAMES
            if kind == IPV6 and (data[6] == HOP_BY_HOP or (data[6] == ICMPV6 and data[40] in CHATTER)):
                continue
            if kind in (IPV4, IPV6):
                self.frames.append([self.netns, self.name(index), direction, data.hex()])
                must_end(self.frames)


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
