"""Network namespaces that only file descriptors hold, and their settings."""

import ctypes
import fcntl
import os
import re
import socket
import struct
import time

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


class Failure(Exception):
    """Something of the lab itself does not work: not an answer of the kernel about packets."""


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


SIOCGIFFLAGS, IFF_UP, IFF_RUNNING = 0x8913, 0x1, 0x40
RUNNING_SECONDS = 2


def await_running(sysctl):
    """IPv6 takes the MTU of a link anew when it hears that the link has a carrier, which it hears late (addrconf_notify, linkwatch_event)."""
    found = re.fullmatch(r"net\.ipv6\.conf\.(.+)\.mtu", sysctl)
    if not found or found[1] in ("all", "default"):
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        until = time.monotonic() + RUNNING_SECONDS
        while time.monotonic() < until:
            (flags,) = struct.unpack_from("16xH", fcntl.ioctl(asking, SIOCGIFFLAGS, struct.pack("40s", found[1].encode())))
            if not flags & IFF_UP or flags & IFF_RUNNING:
                return
            time.sleep(0.01)


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
