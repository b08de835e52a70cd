"""The kernel's side of the oracle: network namespaces, listeners and clients in one process.

Reads one JSON request a line from standard input and writes one JSON answer a line. The namespaces have no name: only this process's
file descriptors hold them, so that they are gone when it ends, however it ends. Everything happens in one thread, which enters a
namespace for as long as it opens a socket or starts a program there.
"""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import conntrack

CLONE_NEWNET = 0x40000000
IP_RECVERR, IPV6_RECVERR = 11, 25
IPV6_FREEBIND = 78
IP_PKTINFO, IPV6_PKTINFO, IPV6_RECVPKTINFO = 8, 50, 49
ORIGIN_ICMP, ORIGIN_ICMP6 = 2, 3
MSG_ERRQUEUE = 0x2000
PROGRAM_SECONDS = 60

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


def hurry_neighbours():
    """Three tries of a second each is long to wait for a neighbour that is not there, and so is a proxy's courtesy towards the owner."""
    for family in ("ipv4", "ipv6"):
        folder = f"/proc/sys/net/{family}/neigh"
        for link in os.listdir(folder):
            for name, value in (("retrans_time_ms", "60"), ("proxy_delay", "0")):
                path = f"{folder}/{link}/{name}"
                if os.path.exists(path):
                    with open(path, "w") as file:
                        file.write(value)


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
                data, ancillary, _flags, peer = self.socket.recvmsg(2048, 256)
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

    def errors(self):
        """The error queue: ICMP errors, with type, code and sender."""
        while True:
            try:
                _data, ancillary, _flags, _address = self.socket.recvmsg(2048, 512, MSG_ERRQUEUE)
            except OSError:
                return
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


class Lab:
    def __init__(self):
        self.spaces = {}
        self.servers = []
        self.poll = select.epoll()
        self.watched = {}
        self.accepted = set()
        self.arrivals = {}

    def watch(self, thing, events=select.EPOLLIN):
        number = thing.socket.fileno()
        if number in self.watched:
            self.poll.modify(number, events)
        else:
            self.watched[number] = thing
            self.poll.register(number, events)
        if isinstance(thing, Accepted):
            self.accepted.add(thing)

    def ignore(self, thing):
        number = thing.socket.fileno()
        if self.watched.pop(number, None) is not None:
            self.poll.unregister(number)

    def forget(self, thing):
        self.ignore(thing)
        self.accepted.discard(thing)
        thing.socket.close()

    def arrived(self, data, netns, local, peer):
        self.arrivals.setdefault(
            data.strip().decode("ascii", "replace"),
            {
                "endpoint": {"netns": netns, "address": local[0], "port": local[1]},
                "saw": {"address": peer[0], "port": peer[1]},
            },
        )

    def run_programs(self, programs):
        """Programs side by side: [{netns, argv, input}] -> their output."""
        running = []
        for program in programs:
            with Inside(self.spaces[program["netns"]]):
                running.append((program, subprocess.Popen(
                    program["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)))
        outputs = []
        for program, process in running:
            try:
                out, err = process.communicate(program.get("input", ""), timeout=PROGRAM_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
            outputs.append({"code": process.returncode, "out": out, "err": err})
        return outputs

    def must_run(self, programs):
        for program, output in zip(programs, self.run_programs(programs)):
            if output["code"] != 0:
                raise Failure(f"{' '.join(program['argv'])} in {program['netns']}: {output['err'].strip()}")

    def build(self, request):
        """{spaces: [{name, before: {sysctl: value}}], links: [[word]], programs: [[program]], after: {netns: [[sysctl, value]]}, servers}

        `links` are lines of `ip -batch`, in which `%name` stands for a namespace. `programs` run in groups, one group after the other.
        """
        self.clear()
        for space in request["spaces"]:
            must(libc.unshare(CLONE_NEWNET), "unshare")
            try:
                self.spaces[space["name"]] = os.open("/proc/self/ns/net", os.O_RDONLY)
                for name, value in space["before"].items():
                    write_sysctl(name, value)
            finally:
                must(libc.setns(HOME, CLONE_NEWNET), "setns")
        paths = {name: f"/proc/{os.getpid()}/fd/{fd}" for name, fd in self.spaces.items()}
        links = "".join(" ".join(paths[w[1:]] if w.startswith("%") else w for w in line) + "\n" for line in request["links"])
        first = next(iter(self.spaces))
        self.must_run([{"netns": first, "argv": ["ip", "-batch", "-"], "input": links}])
        for fd in self.spaces.values():
            with Inside(fd):
                hurry_neighbours()
        for group in request["programs"]:
            self.must_run(group)
        for name, sysctls in request["after"].items():
            with Inside(self.spaces[name]):
                for key, value in sysctls:
                    write_sysctl(key, value)
        for wanted in request["servers"]:
            with Inside(self.spaces[wanted["netns"]]):
                server = Server(self, wanted["netns"], wanted["protocol"], wanted["address"], wanted["port"])
            self.servers.append(server)
            self.watch(server)
        return {}

    def probes(self, request):
        """{probes: [..], timeoutMs, tracking: [netns]}: all at once; then the connections that the nodes hold."""
        self.arrivals = {}
        clients = [Client(self, probe) for probe in request["probes"]]
        for client in clients:
            client.start()
            if not client.done:
                self.watch(client, select.EPOLLIN | select.EPOLLOUT if client.tcp else select.EPOLLIN)
            self.turn(0)
        end = time.monotonic() + request["timeoutMs"] / 1000
        while not all(client.done for client in clients):
            left = end - time.monotonic()
            if left <= 0:
                break
            self.turn(left)
        # What is still on its way to a server: a datagram whose answer is not awaited.
        self.turn(0)
        results = []
        for client in clients:
            arrival = self.arrivals.get(client.probe["id"], {})
            results.append({**client.result, **arrival})
        tracked = []
        for name in request["tracking"]:
            with Inside(self.spaces[name]):
                tracked += [{"netns": name, **entry} for entry in conntrack.dump()]
        for client in clients:
            self.ignore(client)
            client.close()
        for connection in list(self.accepted):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.forget(connection)
        return {"results": results, "tracked": tracked}

    def turn(self, seconds):
        for number, events in self.poll.poll(seconds):
            thing = self.watched.get(number)
            if thing is not None:
                thing.ready(events)

    def flush(self, request):
        """{netnses}: connections and the lists of the match `recent` are forgotten."""
        for name in request["netnses"]:
            with Inside(self.spaces[name]):
                conntrack.flush()
                folder = "/proc/self/net/xt_recent"
                for file_name in os.listdir(folder) if os.path.isdir(folder) else []:
                    with open(f"{folder}/{file_name}", "w") as file:
                        file.write("/\n")
        return {}

    def clear(self, _request=None):
        for thing in [*self.servers, *self.accepted]:
            self.forget(thing)
        self.servers = []
        for fd in self.spaces.values():
            os.close(fd)
        self.spaces = {}
        return {}

    def execute(self, request):
        """{netns, argv}: for people and for checks."""
        return self.run_programs([request])[0]


def main():
    # The one who asks decides when it is over: by closing standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lab = Lab()
    actions = {"build": lab.build, "probes": lab.probes, "flush": lab.flush, "clear": lab.clear, "execute": lab.execute}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request["do"]](request)
        except Failure as failure:
            answer = {"failure": str(failure)}
        except Exception as error:  # the asker hears of it and ends the run
            answer = {"failure": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
