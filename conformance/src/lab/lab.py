"""The kernel's side of the oracle: network namespaces, listeners and clients in one process.

Reads one JSON request a line from standard input and writes one JSON answer a line. The namespaces have no name: only this process's
file descriptors hold them, so that they are gone when it ends, however it ends. Everything happens in one thread, which enters a
namespace for as long as it opens a socket or starts a program there.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

import conntrack
import neighbours
from ends import Accepted, Client, Server
from frames import Sniffer, inject
from raw import RawClient, RawServer
from senders import Senders
from spaces import Failure, Inside, await_ready, hurry_neighbours, make, write_sysctl
from stillness import Stillness
from tracing import Tracer

PROGRAM_SECONDS = 60
# How long to wait for an answer that should come.
AWAITED_SECONDS = 20


class Lab:
    def __init__(self):
        self.spaces = {}
        self.servers = []
        self.poll = select.epoll()
        self.watched = {}
        self.accepted = set()
        self.arrivals = {}
        self.sniffers = []
        self.tracers = []
        self.reports = []
        self.senders = Senders()
        self.stillness = Stillness()

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
        self.reports.append({"netns": netns, "local": list(local[:2]), "peer": list(peer[:2])})
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
            self.spaces[space["name"]] = make()
            with Inside(self.spaces[space["name"]]):
                for name, value in space["before"].items():
                    write_sysctl(name, value)
        paths = {name: f"/proc/{os.getpid()}/fd/{fd}" for name, fd in self.spaces.items()}

        def batch(lines):
            return "".join(" ".join(paths[w[1:]] if w.startswith("%") else w for w in line) + "\n" for line in lines)

        links = batch(request["links"])
        first = next(iter(self.spaces))
        self.must_run([{"netns": first, "argv": ["ip", "-batch", "-"], "input": links}])
        for fd in self.spaces.values():
            with Inside(fd):
                hurry_neighbours(request.get("tries", 3))
        for group in request["programs"]:
            for program in group:
                if "lines" in program:
                    program["input"] = batch(program["lines"])
            self.must_run(group)
            if any("lines" in program for program in group):
                # A new link has the kernel's times.
                for fd in self.spaces.values():
                    with Inside(fd):
                        hurry_neighbours(request.get("tries", 3))
        await_ready(self.spaces.values())
        for name, sysctls in request["after"].items():
            with Inside(self.spaces[name]):
                for key, value in sysctls:
                    write_sysctl(key, value)
        for wanted in request["servers"]:
            with Inside(self.spaces[wanted["netns"]]):
                if wanted["protocol"] == "sctp":
                    server = RawServer(self, wanted["netns"], wanted["address"], wanted["port"])
                else:
                    server = Server(self, wanted["netns"], wanted["protocol"], wanted["address"], wanted["port"])
            self.servers.append(server)
            self.watch(server)
        # Who was asked for before all was ready is given up soon, with all that waits for it.
        self.unlearn({"netnses": self.spaces})
        return {}

    def probes(self, request):
        """{probes: [..], timeoutMs, tracking: [netns]}: all at once; then the connections that the nodes hold.

        What has no answer after `timeoutMs` has none, unless it is `awaited`: a busy machine takes its time.
        """
        self.arrivals = {}
        raw = ("sctp", "icmp")
        clients = [(RawClient if probe["protocol"] in raw else Client)(self, probe) for probe in request["probes"]]
        for client in clients:
            client.start()
            if not client.done:
                self.watch(client, select.EPOLLIN | select.EPOLLOUT if client.tcp else select.EPOLLIN)
            self.turn(0)
        start = time.monotonic()
        while waiting := [client for client in clients if not client.done]:
            awaited = any(client.probe.get("awaited") for client in waiting)
            left = start + (AWAITED_SECONDS if awaited else request["timeoutMs"] / 1000) - time.monotonic()
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

    def listen(self, request):
        """{frames: [netns], rules: [netns]}: from now on, what comes in on links there, and which rules packets meet."""
        self.sniffers = [Sniffer(self, name) for name in request["frames"]]
        self.tracers = [Tracer(self, name) for name in request["rules"]]
        for thing in [*self.sniffers, *self.tracers]:
            self.watch(thing)
        return {}

    def event(self, request):
        """{inject: {netns, link, frame}} or {send: {...}}, {patienceMs, tracking: [netns]}: one packet and all that follows."""
        # What nobody asked for is not part of it.
        self.turn(0)
        self.senders.connect()
        for thing in self.sniffers:
            with Inside(self.spaces[thing.netns]):
                neighbours.forget()
        self.reports = []
        for thing in self.sniffers:
            thing.frames = []
        for thing in self.tracers:
            thing.events = []
        error = None
        with self.stillness:
            if "inject" in request:
                wanted = request["inject"]
                if not inject(self.spaces, wanted["netns"], wanted["link"], bytes.fromhex(wanted["frame"])):
                    error = "ENETDOWN"
            else:
                error = self.senders.send(self.spaces, request["send"])
            self.stillness.wait(self.poll, self.handle, self.spaces.values(), request["patienceMs"] / 1000)
        tracked = []
        for name in request["tracking"]:
            with Inside(self.spaces[name]):
                tracked += [{"netns": name, **entry} for entry in conntrack.dump(every=True)]
        return {
            "error": error,
            "frames": [frame for sniffer in self.sniffers for frame in sniffer.frames],
            "rules": {tracer.netns: tracer.events for tracer in self.tracers},
            "arrivals": self.reports,
            "tracked": tracked,
        }

    def turn(self, seconds):
        self.handle(self.poll.poll(seconds))

    def handle(self, ready):
        for number, events in ready:
            thing = self.watched.get(number)
            if thing is not None:
                thing.ready(events)

    def flush(self, request):
        """{netnses, programs}: connections and the lists of the match `recent` are forgotten; programs forget the rest."""
        for name in request["netnses"]:
            with Inside(self.spaces[name]):
                conntrack.flush()
                folder = "/proc/self/net/xt_recent"
                for file_name in os.listdir(folder) if os.path.isdir(folder) else []:
                    with open(f"{folder}/{file_name}", "w") as file:
                        file.write("/\n")
        self.must_run(request.get("programs", []))
        return {}

    def run(self, request):
        """{programs}: side by side, all of which have to succeed."""
        self.must_run(request["programs"])
        return {}

    def unlearn(self, request):
        """{netnses}: who has which address is forgotten."""
        for name in request["netnses"]:
            with Inside(self.spaces[name]):
                neighbours.forget()
        return {}

    def clear(self, _request=None):
        for thing in [*self.servers, *self.accepted, *self.sniffers, *self.tracers]:
            self.forget(thing)
        self.servers, self.sniffers, self.tracers = [], [], []
        self.senders.close()
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
    actions = {
        "build": lab.build,
        "probes": lab.probes,
        "listen": lab.listen,
        "event": lab.event,
        "flush": lab.flush,
        "run": lab.run,
        "unlearn": lab.unlearn,
        "clear": lab.clear,
        "execute": lab.execute,
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request["do"]](request)
        except Failure as failure:
            answer = {"failure": str(failure)}
        except Exception as error:  # the asker hears of it and ends the run
            answer = {"failure": "".join(traceback.format_exception(error))}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
