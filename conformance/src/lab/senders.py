"""Packets that processes make: one socket for each, kept open so that answers find it."""

import errno
import socket

from spaces import Failure, Inside

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_FREEBIND, IPV6_FREEBIND = 10, 23, 15, 78
NEVER, ALWAYS = 0, 2
KINDS = {socket.IPPROTO_TCP: socket.SOCK_STREAM, socket.IPPROTO_UDP: socket.SOCK_DGRAM}


def open_socket(spaces, wanted):
    family = socket.AF_INET6 if wanted["family"] == 6 else socket.AF_INET
    protocol = wanted["protocol"]
    kind = KINDS.get(protocol, socket.SOCK_RAW)
    with Inside(spaces[wanted["from"]]):
        made = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    return made


def dress(made, wanted):
    """What the packets of a socket look like."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, wanted["mark"])
    if wanted["family"] == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, wanted["ttl"])
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, wanted["tos"])
        made.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, ALWAYS if wanted["dontFragment"] else NEVER)
        return
    made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, wanted["ttl"])
    made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, wanted["tos"])
    made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, ALWAYS if wanted["dontFragment"] else NEVER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)


class Senders:
    def __init__(self):
        self.sockets = {}
        self.open = []

    def connect(self):
        """Sockets whose source the kernel chose for their first packet now take answers from its destination only."""
        for made, target in self.open:
            try:
                made.connect(target)
            except OSError:
                pass
        self.open = []

    def send(self, spaces, wanted):
        """{from, family, protocol, saddr, sport, daddr, dport, ttl, tos, mark, dontFragment, payload}: the errno by name, or None"""
        raw = wanted["protocol"] not in KINDS
        key = tuple(wanted[name] for name in ("from", "protocol", "saddr", "sport", "daddr", "dport"))
        made = self.sockets.get(key)
        is_new = made is None
        if is_new:
            made = self.sockets[key] = open_socket(spaces, wanted)
        dress(made, wanted)
        anyone = "::" if wanted["family"] == 6 else "0.0.0.0"
        source = (wanted["saddr"] or anyone, 0 if raw else wanted["sport"])
        target = (wanted["daddr"], 0 if raw else wanted["dport"])
        try:
            if is_new:
                made.bind(source)
        except OSError as error:
            raise Failure(f"bind {wanted}: {error.strerror}") from error
        # An error that came back for an earlier packet would be told instead of sending this one.
        made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            if wanted["protocol"] == socket.IPPROTO_TCP:
                made.connect(target)
            else:
                # Who knows its own address knows both ends from the start.
                if is_new and wanted["saddr"]:
                    made.connect(target)
                    is_new = False
                data = bytes.fromhex(wanted["payload"])
                if wanted["saddr"]:
                    made.send(data)
                else:
                    made.sendto(data, target)
                    if not raw:
                        self.open.append((made, target))
        except BlockingIOError:
            return None
        except OSError as error:
            if is_new and not raw:
                # Unconnected, it would take what is for somebody else.
                self.forget(key)
            return errno.errorcode.get(error.errno, str(error.errno))
        finally:
            if raw:
                self.forget(key)
        return None

    def forget(self, key):
        self.sockets.pop(key).close()

    def close(self):
        for made in self.sockets.values():
            made.close()
        self.sockets, self.open = {}, []
