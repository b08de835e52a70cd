"""When the kernel has done all that follows from a packet: by what it still holds, not by the clock, which says little on a busy machine."""

import fcntl
import os
import socket
import struct
import time

import neighbours
from spaces import Failure, Inside, libc, make

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
LOOPBACK = ("127.0.0.1", 9)
BARRIER_SECONDS = 10

# A packet that another device of this CPU takes up in its turn (gro_cells_receive) may stand behind the first barrier.
ROUNDS = 2
# No case takes as long; frames in a circle would fill the memory.
LONGEST_SECONDS = 60
# The lab's hosts ask for a neighbour for 20 ms at least.
SOONEST_SECONDS = 0.01


class Stillness:
    """
    What a packet sets off runs on the CPU that sent it, one thing after the other: each frame on a wire stands in that CPU's queue
    (enqueue_to_backlog). A datagram of ours that is put there behind them comes when they are done. Timers may run on any CPU; of those only
    the one matters that gives up asking for a neighbour.
    """

    def __init__(self):
        space = make()
        with Inside(space):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        os.close(space)
        fcntl.ioctl(self.socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        self.socket.settimeout(BARRIER_SECONDS)
        self.socket.bind(LOOPBACK)
        self.socket.connect(LOOPBACK)
        self.cpus = os.sched_getaffinity(0)

    def __enter__(self):
        """The thread stays on the CPU it is on."""
        os.sched_setaffinity(0, {libc.sched_getcpu()})
        return self

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.cpus)

    def barrier(self):
        self.socket.send(b"")
        try:
            self.socket.recv(1)
        except TimeoutError as error:
            raise Failure(f"this CPU did nothing else for {BARRIER_SECONDS} seconds") from error

    def barriers(self):
        (here,) = os.sched_getaffinity(0)
        for cpu in [*(self.cpus - {here}), here]:
            os.sched_setaffinity(0, {cpu})
            self.barrier()

    def wait(self, poll, turn, spaces, patience):
        """Turns until nothing more can come, but of neighbours that are asked for at most `patience` seconds."""
        start = time.monotonic()
        rounds = 0
        while True:
            if time.monotonic() > start + patience + LONGEST_SECONDS:
                raise TimeoutError(f"packets did not cease within {LONGEST_SECONDS} seconds: they go in circles")
            # First who waits: what a question that is given up meanwhile leads to is behind the barrier.
            waits = time.monotonic() < start + patience and any(asks(space) for space in spaces)
            # Nobody gives up at once.
            if time.monotonic() < start + SOONEST_SECONDS:
                self.barrier()
            else:
                self.barriers()
            events = poll.poll(0)
            if events:
                turn(events)
                rounds = 0
                continue
            rounds += 1
            if waits:
                turn(poll.poll(0.002))
            elif rounds >= ROUNDS:
                return


def asks(space):
    with Inside(space):
        return neighbours.asks()
