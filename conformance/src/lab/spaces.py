"""Network namespaces that only file descriptors hold, and their settings."""

import ctypes
import os
import socket
import struct
import time

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


class Failure(Exception):
    """Something of the lab itself does not work: not an answer of the kernel about packets."""


# More than that follows from no packet, unless it goes round and round.
MOST_SEEN = 20_000


def must_end(seen):
    """Whoever listens to what never ends never comes to an end either."""
    if len(seen) > MOST_SEEN:
        raise Failure("packets go round and round")


def must(result, what):
    if result != 0:
        raise Failure(f"{what}: {os.strerror(ctypes.get_errno())}")


class Inside:
    """`with Inside(fd):` runs in that network namespace."""

    def __init__(self, fd):
        self.fd = fd

    def __enter__(self):
        must(libc.setns(self.fd, CLONE_NEWNET), "setns")

    def __exit__(self, *_):
        must(libc.setns(HOME, CLONE_NEWNET), "setns")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def make():
    """A new namespace, as a file descriptor."""
    must(libc.unshare(CLONE_NEWNET), "unshare")
    try:
        return os.open("/proc/self/ns/net", os.O_RDONLY)
    finally:
        must(libc.setns(HOME, CLONE_NEWNET), "setns")


def write_sysctl(name, value):
    """A key that this kernel does not have is no error where it is optional (`?` in front)."""
    optional = name.startswith("?")
    name = name.lstrip("?")
    try:
        with open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))
    except OSError as error:
        if not optional:
            raise Failure(f"sysctl {name}={value}: {error.strerror}") from error


GETLINK, GETADDR, REQUEST_DUMP, DONE, ERROR = 18, 22, 0x301, 3, 2
RUNNING, LOWER_UP = 0x40, 0x10000
TENTATIVE, DAD_FAILED = 0x40, 0x08
READY_SECONDS = 5


def dump(asking, kind, family):
    """The bodies of all that the kernel has of a kind (rtnetlink.c): `struct ifinfomsg`, `struct ifaddrmsg`."""
    asking.send(struct.pack("=IHHIIB15x", 32, kind, REQUEST_DUMP, 1, 0, family))
    while True:
        data = asking.recv(1 << 18)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (DONE, ERROR):
                return
            yield data[16:length]
            data = data[(length + 3) & ~3 :]


def is_ready(asking):
    # Links come last: their list waits for those who are just telling of one, or make the routes of an address.
    tentative = set()
    for body in list(dump(asking, GETADDR, socket.AF_INET6)):
        _family, _length, flags, _scope, index = struct.unpack_from("=BBBBI", body)
        if flags & (TENTATIVE | DAD_FAILED) == TENTATIVE:
            tentative.add(index)
    for body in list(dump(asking, GETLINK, socket.AF_UNSPEC)):
        index, flags = struct.unpack_from("=4xiI", body)
        if flags & RUNNING and index in tentative or flags & LOWER_UP and not flags & RUNNING:
            return False
    return True


LOCAL = 0x80000000
# A scenario may have taken the route away again.
ROUTES_SECONDS = 0.3


def is_routed():
    """Whether all IPv6 addresses have their routes in the table local. Those that nobody has to ask about get them later than they are there."""
    with open("/proc/self/net/ipv6_route") as file:
        rows = [line.split() for line in file]
    local = {row[0] for row in rows if row[1] == "80" and int(row[8], 16) & LOCAL}
    with open("/proc/self/net/if_inet6") as file:
        return all(line.split()[0] in local for line in file)


def await_ready(spaces):
    """
    Links have their carriers at once, but ports of bridges, IPv6 and its MTU hear of them late (linkwatch_event, br_port_carrier_check,
    addrconf_notify), and an address of IPv6 is no host's before somebody has worked on it (addrconf_dad_work).
    """
    until = time.monotonic() + READY_SECONDS
    for fd in spaces:
        with Inside(fd), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
            while not is_ready(asking) and time.monotonic() < until:
                time.sleep(0.005)
    until = time.monotonic() + ROUTES_SECONDS
    for fd in spaces:
        with Inside(fd):
            while not is_routed() and time.monotonic() < until:
                time.sleep(0.005)


def hurry_neighbours(tries):
    """Three tries of a second each is long to wait for a neighbour that is not there, and so is a proxy's courtesy towards the owner."""
    wait = {"retrans_time_ms": "60", "proxy_delay": "0"} if tries == 3 else {
        "retrans_time_ms": "20", "proxy_delay": "0", "mcast_solicit": f"{tries}"}
    for family in ("ipv4", "ipv6"):
        folder = f"/proc/sys/net/{family}/neigh"
        for link in os.listdir(folder):
            for name, value in wait.items():
                path = f"{folder}/{link}/{name}"
                if os.path.exists(path):
                    with open(path, "w") as file:
                        file.write(value)
