"""
Asks the kernel what connection tracking of one router thinks of packets: a script as JSON on stdin, what happened as JSON on stdout.

A router stands between two wires whose far ends have no addresses, so that no stack answers: packets are put on a wire as frames, and
what comes out of either is reported with the connections that the router has then.
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "../lab"))
from spaces import Inside, await_ready, make

ETH_P_IP = 0x0800
WAIT = 0.025
# How long to wait for a packet that should come out: a busy machine takes its time.
AWAITED = 20
MACS = {"c": "02:00:00:00:0c:01", "s": "02:00:00:00:0d:01"}


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_options(tcp):
    options = b""
    if "windowScale" in tcp:
        options += bytes((3, 3, tcp["windowScale"]))
    if tcp.get("sackPermitted"):
        options += bytes((4, 2))
    return options


def transport(packet):
    """The header behind IP's; the packet's length says how much follows it."""
    protocol, ports = packet["protocol"], struct.pack("!HH", packet["sport"], packet["dport"])
    if protocol == 6:
        tcp = packet["tcp"]
        options = tcp_options(tcp).ljust(tcp.get("header", 20) - 20, b"\0")
        words = ((20 + len(options)) // 4) << 12 | packet["tcpFlags"]
        return ports + struct.pack("!IIHHHH", tcp["seq"], tcp["ack"], words, tcp["window"], 0, 0) + options
    if protocol == 17:
        return ports + struct.pack("!HH", packet["length"] - 20, 0)
    if protocol == 132:
        chunks = b""
        for chunk in packet["sctp"]["chunks"]:
            body = struct.pack("!IIHHI", chunk["initTag"], 1, 1, 1, 1) if "initTag" in chunk else b""
            chunks += struct.pack("!BBH", chunk["type"], 1 if chunk.get("reflected") else 0, 4 + len(body)) + body
        return ports + struct.pack("!II", packet["sctp"]["tag"], 0) + chunks
    if protocol == 1:
        return struct.pack("!BBHHH", packet["icmpType"], packet["icmpCode"], 0, packet["icmpId"], 1)
    return b""


def frame(packet):
    body = transport(packet)
    length = max(packet["length"], 20 + len(body)) if packet["protocol"] != 132 else 20 + len(body)
    body = body.ljust(length - 20, b"\0")
    if packet["protocol"] == 1:
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    ends = socket.inet_aton(packet["saddr"]) + socket.inet_aton(packet["daddr"])
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, packet["ttl"], packet["protocol"], 0) + ends
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def read(data):
    """Where a packet came out: its ends alone."""
    protocol, header = data[9], (data[0] & 15) * 4
    ports = struct.unpack("!HH", data[header : header + 4]) if protocol in (6, 17, 132, 136) else (0, 0)
    if protocol == 1:
        ports = (struct.unpack("!H", data[header + 4 : header + 6])[0], 0)
    return {
        "protocol": protocol,
        "saddr": socket.inet_ntoa(data[12:16]),
        "daddr": socket.inet_ntoa(data[16:20]),
        "sport": ports[0],
        "dport": ports[1],
    }


class Router:
    def __init__(self, script):
        self.space = make()
        self.ends = {}
        with Inside(self.space):
            run("ip", "link", "set", "lo", "up")
        far = {side: make() for side in script["addresses"]}
        for side, address in script["addresses"].items():
            self.wire(side, address, far[side])
        with Inside(self.space):
            for name, value in script["sysctls"].items():
                with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as file:
                    file.write(str(value))
            for line in script["rules"]:
                run("iptables", "-w", *line)
        # Until a link runs, it throws away what it should send (dev_activate).
        await_ready([self.space, *far.values()])

    def wire(self, side, address, far):
        host = address.rsplit(".", 1)[0] + ".2"
        with Inside(self.space):
            path = f"/proc/{os.getpid()}/fd/{far}"
            run("ip", "link", "add", side, "type", "veth", "peer", "name", "far", "netns", path)
            run("ip", "addr", "add", f"{address}/24", "dev", side)
            run("ip", "link", "set", side, "up")
            run("ip", "neigh", "replace", host, "lladdr", MACS[side], "dev", side, "nud", "permanent")
            near = self.mac_of(side)
        with Inside(far):
            for setting in ("net/ipv6/conf/far/disable_ipv6", "net/ipv4/conf/far/arp_ignore"):
                with open(f"/proc/sys/{setting}", "w", encoding="ascii") as file:
                    file.write("8" if setting.endswith("ignore") else "1")
            run("ip", "link", "set", "far", "address", MACS[side], "up")
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_IP))
            end.bind(("far", ETH_P_IP))
        self.ends[side] = (end, near)

    @staticmethod
    def mac_of(side):
        return json.loads(run("ip", "-j", "link", "show", "dev", side))[0]["address"]

    def drain(self, first):
        """All that comes out, until nothing has for a while."""
        seen = []
        deadline = time.monotonic() + first
        by_socket = {end: side for side, (end, _) in self.ends.items()}
        while True:
            ready, _, _ = select.select(list(by_socket), [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return seen
            for end in ready:
                data, (_, _, direction, _, _) = end.recvfrom(65536)
                if direction != socket.PACKET_OUTGOING:
                    seen.append({"side": by_socket[end], **read(data[14:])})
                    deadline = min(deadline, time.monotonic() + 0.003)

    def play(self, event):
        if "sleep" in event:
            time.sleep(event["sleep"] / 1000)
            at, seen = time.monotonic(), []
        else:
            end, near = self.ends[event["side"]]
            macs = bytes.fromhex((near + MACS[event["side"]]).replace(":", ""))
            data = macs + struct.pack("!H", ETH_P_IP) + frame(event["packet"])
            at = time.monotonic()
            end.send(data)
            seen = self.drain(AWAITED if event["awaited"] else WAIT)
        with Inside(self.space):
            return {"at": at * 1000, "seen": seen, "conntrack": run("conntrack", "-L", "-o", "extended")}


script = json.load(sys.stdin)
router = Router(script)
json.dump([router.play(event) for event in script["events"]], sys.stdout)
