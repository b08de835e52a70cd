"""Both ends of what is tried: servers that tell everybody where they came from, and clients."""

import errno
import select
import socket
import struct

from spaces import Failure, Inside, family_of

IP_RECVERR, IPV6_RECVERR = 11, 25
IPV6_FREEBIND = 78
IP_PKTINFO, IPV6_PKTINFO, IPV6_RECVPKTINFO = 8, 50, 49
ORIGIN_ICMP, ORIGIN_ICMP6 = 2, 3
MSG_ERRQUEUE = 0x2000


class Server:
    """A listening TCP socket or a UDP socket that tells everybody where they came from."""

    def __init__(self, lab, netns, protocol, address, port):
        self.lab, self.netns, self.protocol = lab, netns, protocol
        self.family = family_of(address)
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(self.family, kind | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        self.port = port
        if protocol == "udp":
            if self.family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            else:
                self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        self.socket.bind((address, port))
        if protocol == "tcp":
            self.socket.listen(128)

    def ready(self, _events):
        if self.protocol == "tcp":
            self.accept()
        else:
            self.receive()

    def accept(self):
        while True:
            try:
                connection, peer = self.socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            connection.setblocking(False)
            self.lab.watch(Accepted(self, connection, peer))

    def receive(self):
        while True:
            try:
                data, ancillary, _flags, peer = self.socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return
            except OSError:
                continue
            for level, kind, value in ancillary:
                if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                    address = socket.inet_ntop(socket.AF_INET, value[8:12])
                    # The answer's source: struct in_pktinfo's ipi_spec_dst.
                    back = [(level, kind, struct.pack("=I4s4s", 0, value[8:12], bytes(4)))]
                elif level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
                    address = socket.inet_ntop(socket.AF_INET6, value[:16])
                    back = [(level, kind, value[:16] + struct.pack("=I", 0))]
                else:
                    continue
                self.lab.arrived(data, self.netns, (address, self.port), peer)
                try:
                    self.socket.sendmsg([data], back, 0, peer)
                except OSError:
                    # Without a way back there is no answer: the client times out, and that is what counts.
                    pass


class Accepted:
    """One accepted connection: sends back the line that it gets."""

    def __init__(self, server, connection, peer):
        self.server, self.socket, self.peer = server, connection, peer
        self.local = connection.getsockname()

    def ready(self, _events):
        try:
            data = self.socket.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.server.lab.forget(self)
            return
        self.server.lab.arrived(data, self.server.netns, self.local, self.peer)
        try:
            self.socket.send(data)
        except OSError:
            pass


class Client:
    """One attempt to talk to an address and port."""

    def __init__(self, lab, probe):
        self.lab, self.probe = lab, probe
        self.tcp = probe["protocol"] == "tcp"
        self.key = f"{probe['id']}\n".encode()
        self.result = {"id": probe["id"]}
        self.socket = None
        self.connected = False
        self.done = False

    def start(self):
        probe = self.probe
        self.family = family_of(probe["daddr"])
        kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
        with Inside(self.lab.spaces[probe["from"]]):
            self.socket = socket.socket(self.family, kind | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            # The outside holds whole networks by a local route, which bind of IPv6 does not look at.
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        try:
            self.socket.bind((probe.get("saddr", "0.0.0.0" if self.family == socket.AF_INET else "::"), probe["sport"]))
        except OSError as error:
            raise Failure(f"bind {probe}: {error.strerror}") from error
        try:
            self.socket.connect((probe["daddr"], probe["dport"]))
            self.note_source()
            if not self.tcp:
                self.socket.send(self.key)
        except BlockingIOError:
            self.note_source()
        except OSError as error:
            self.note_source()
            self.fail(error.errno)
        self.errors()

    def note_source(self):
        try:
            address, port = self.socket.getsockname()[:2]
            self.result["client"] = {"address": address, "port": port}
        except OSError:
            pass

    def fail(self, number):
        # What came back as an ICMP error may be read before the call that failed for it.
        self.result.setdefault("error", errno.errorcode.get(number, str(number)))
        self.done = True

    def is_own(self, _sent):
        """Is an error about what begins so one about this attempt? Sockets of TCP and UDP only hear of their own."""
        return True

    def errors(self):
        """The error queue: ICMP errors, with type, code and sender."""
        while True:
            try:
                data, ancillary, _flags, _address = self.socket.recvmsg(2048, 512, MSG_ERRQUEUE)
            except OSError:
                return
            if not self.is_own(data):
                continue
            for level, kind, value in ancillary:
                is_error = (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR))
                if not is_error:
                    continue
                number, origin, icmp_type, icmp_code = struct.unpack("=IBBB", value[:7])
                if origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
                    offender = value[16:]
                    if origin == ORIGIN_ICMP:
                        sender = socket.inet_ntop(socket.AF_INET, offender[4:8])
                    else:
                        sender = socket.inet_ntop(socket.AF_INET6, offender[8:24])
                    self.result.setdefault("icmp", {"type": icmp_type, "code": icmp_code, "sender": sender})
                self.fail(number)

    def ready(self, events):
        if events & select.EPOLLERR:
            self.errors()
        pending = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if pending:
            self.fail(pending)
        if self.done:
            self.lab.ignore(self)
            return
        if self.tcp and not self.connected and events & select.EPOLLOUT:
            self.connected = True
            self.note_source()
            self.lab.watch(self, select.EPOLLIN)
            self.result["connected"] = True
            try:
                self.socket.send(self.key)
            except OSError as error:
                self.fail(error.errno)
        if events & select.EPOLLIN:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            except OSError as error:
                self.fail(error.errno)
                return
            if data == self.key:
                self.result["reply"] = True
                self.done = True
                self.lab.ignore(self)
            elif not data:
                self.fail(errno.ECONNRESET)

    def close(self):
        if self.socket is None:
            return
        if self.tcp:
            # A reset instead of a farewell: nothing of the connection stays.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
