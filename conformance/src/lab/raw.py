"""Ends over raw sockets: SCTP, of which a kernel may know no more than its connections and rules, and echoes.

An association is its first chunk, INIT, and the answer to that: what rules and connection tracking see of it (RFC 9260).
"""

import errno
import os
import socket
import struct

from ends import IP_PKTINFO, IP_RECVERR, IPV6_FREEBIND, IPV6_PKTINFO, IPV6_RECVERR, IPV6_RECVPKTINFO, Client
from spaces import Failure, Inside, family_of

SCTP = 132
INIT, INIT_ACK = 1, 2
ECHO_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
ECHO_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
ICMP_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def castagnoli(data):
    """CRC32c (RFC 9260, appendix A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
    return ~crc & 0xFFFFFFFF


def sctp_packet(sport, dport, verification, chunk, tag):
    """One chunk INIT or INIT ACK."""
    body = struct.pack("!BBHIIHHI", chunk, 0, 20, tag, 65536, 1, 1, 1)
    header = struct.pack("!HHI", sport, dport, verification)
    checksum = castagnoli(header + bytes(4) + body)
    return header + struct.pack("<I", checksum) + body


def read_sctp(data):
    """(sport, dport, chunk, tag), or None for what is no such packet."""
    if len(data) < 32 or data[12] not in (INIT, INIT_ACK):
        return None
    sport, dport = struct.unpack("!HH", data[:4])
    return sport, dport, data[12], struct.unpack("!I", data[16:20])[0]


def without_header(family, data):
    """Raw sockets of IPv4 get the IP header too."""
    return data[(data[0] & 0xF) * 4 :] if family == socket.AF_INET else data


class RawServer:
    """Answers INIT on one port, and notes where it came from."""

    def __init__(self, lab, netns, address, port):
        self.lab, self.netns, self.port = lab, netns, port
        self.family = family_of(address)
        self.socket = socket.socket(self.family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, SCTP)
        if self.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)

    def ready(self, _events):
        while True:
            try:
                data, ancillary, _flags, peer = self.socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return
            except OSError:
                continue
            found = read_sctp(without_header(self.family, data))
            if found is None or found[1:3] != (self.port, INIT):
                continue
            self.answer(found, ancillary, peer[0])

    def answer(self, found, ancillary, sender):
        sport, _dport, _chunk, tag = found
        for level, kind, value in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                address = socket.inet_ntop(socket.AF_INET, value[8:12])
                back = [(level, kind, struct.pack("=I4s4s", 0, value[8:12], bytes(4)))]
            elif (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
                address = socket.inet_ntop(socket.AF_INET6, value[:16])
                back = [(level, kind, value[:16] + struct.pack("=I", 0))]
            else:
                continue
            self.lab.arrived(f"{tag}\n".encode(), self.netns, (address, self.port), (sender, sport))
            try:
                self.socket.sendmsg([sctp_packet(self.port, sport, tag, INIT_ACK, 1)], back, 0, (sender, 0))
            except OSError:
                # Without a way back there is no answer: the client times out, and that is what counts.
                pass


class RawClient(Client):
    """One attempt of SCTP, whose tag is the attempt's number; or one echo."""

    def __init__(self, lab, probe):
        super().__init__(lab, probe)
        self.family = family_of(probe["daddr"])

    @property
    def is_echo(self):
        return self.probe["protocol"] == "icmp"

    def packet(self):
        probe = self.probe
        if not self.is_echo:
            return sctp_packet(probe["sport"], probe["dport"], 0, INIT, int(probe["id"]))
        body = struct.pack("!HH", probe["sport"], 1) + self.key + b"\0" * (len(self.key) % 2)
        kind = ECHO_REQUEST[self.family]
        if self.family == socket.AF_INET6:
            # The kernel fills in the checksum of ICMPv6.
            return struct.pack("!BBH", kind, 0, 0) + body
        data = struct.pack("!BBH", kind, 0, 0) + body
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total & 0xFFFF) + (total >> 16)
        total += total >> 16
        return struct.pack("!BBH", kind, 0, ~total & 0xFFFF) + body

    def is_own(self, sent):
        """Is this the beginning of what was sent?"""
        if self.is_echo:
            return sent[4:6] == struct.pack("!H", self.probe["sport"])
        return sent[:4] == struct.pack("!HH", self.probe["sport"], self.probe["dport"])

    def is_reply(self, data):
        if self.is_echo:
            return len(data) >= 8 and data[0] == ECHO_REPLY[self.family] and self.is_own(data)
        found = read_sctp(data)
        return found is not None and found[:3] == (self.probe["dport"], self.probe["sport"], INIT_ACK)

    def start(self):
        probe = self.probe
        protocol = ICMP_PROTOCOL[self.family] if self.is_echo else SCTP
        with Inside(self.lab.spaces[probe["from"]]):
            self.socket = socket.socket(self.family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        if self.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        try:
            if "saddr" in probe:
                self.socket.bind((probe["saddr"], 0))
        except OSError as error:
            raise Failure(f"bind {probe}: {os.strerror(error.errno)}") from error
        try:
            self.socket.connect((probe["daddr"], 0))
            self.note_source()
            self.socket.send(self.packet())
        except OSError as error:
            self.note_source()
            if error.errno != errno.EAGAIN:
                self.fail(error.errno)
        self.errors()

    def ready(self, _events):
        self.errors()
        # An error about another attempt is told to every raw socket of these two addresses.
        self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while not self.done:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                self.errors()
                continue
            if self.is_reply(without_header(self.family, data)):
                self.result["reply"] = True
                self.done = True
        self.lab.ignore(self)
