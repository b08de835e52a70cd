"""What goes over the links of every network namespace: seen by one packet socket in each, and put there by another."""

import socket
import time

from spaces import Inside

ETH_P_ALL = 3
OUTGOING = socket.PACKET_OUTGOING
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
ICMPV6, HOP_BY_HOP = 58, 0
SOLICITATION, ADVERTISEMENT = 135, 136
# What hosts send of their own accord is no traffic: neighbour and router discovery, and groups joined.
CHATTER = {130, 131, 132, 133, 134, 135, 136, 137, 143}


class Sniffer:
    """All that comes in on the links of a network namespace, and the questions for neighbours that wait for an answer."""

    def __init__(self, lab, netns):
        self.lab, self.netns = lab, netns
        with Inside(lab.spaces[netns]):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.frames = []
        self.asked = {}

    def ready(self, _events):
        while True:
            try:
                data, (link, kind, direction, _hardware, _address) = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                # A link went down while it was listened to.
                continue
            if kind == ARP:
                self.arp(link, data[14:], direction)
            elif kind == IPV6 and data[20] == ICMPV6 and data[54] in CHATTER:
                self.discovery(link, data[14:], direction)
            elif kind == IPV6 and data[20] == HOP_BY_HOP:
                continue
            elif direction != OUTGOING and kind in (IPV4, IPV6):
                self.frames.append([self.netns, link, direction, data[14:].hex()])

    def arp(self, link, body, direction):
        if body[7] == 1 and direction == OUTGOING:
            self.asked[(link, body[24:28])] = time.monotonic()
        elif body[7] == 2 and direction != OUTGOING:
            self.asked.pop((link, body[14:18]), None)

    def discovery(self, link, body, direction):
        target = body[48:64]
        if body[40] == SOLICITATION and direction == OUTGOING:
            self.asked[(link, target)] = time.monotonic()
        elif body[40] == ADVERTISEMENT and direction != OUTGOING:
            self.asked.pop((link, target), None)


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


def settle(poll, turn, sniffers, quiet, patience):
    """Turns until nothing has happened for `quiet` seconds and no question for a neighbour is younger than `patience`."""
    last = time.monotonic()
    while True:
        now = time.monotonic()
        waiting = [when + patience for sniffer in sniffers for when in sniffer.asked.values()]
        end = max([last + quiet, *waiting])
        if now >= end:
            return
        events = poll.poll(end - now)
        if events:
            turn(events)
            last = time.monotonic()


