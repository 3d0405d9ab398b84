"""Hunts for a lost wakeup. contrib/hunt.sh starts it, and says what for.

Each slice drives one server, seldom two or three, for 10 to 50 ms. A storm stops in the middle:
requests stay half sent, answers unread. Pings wait for each answer in silence. All that was sent
whole must be answered within five seconds in which its server could run and we could read.
"""

import argparse
import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import oracle
from peer import Loss, Peer
from server import NOT_LIVE, TECHNIQUES, Server, options

# A time in which we were not on a core ourselves is nobody's silence.
OWN_PAUSE_S = 0.5
BURNING_S = 12
BURNER = """
import os, time
parent, until = os.getppid(), time.monotonic() + {seconds}
while os.getppid() == parent and time.monotonic() < until:
    sum(range(100000))
"""


class Burners:
    """Two processes for each core that do nothing, some of the time."""

    def __init__(self, seconds):
        command = [sys.executable, "-c", BURNER.format(seconds=seconds)]
        count = 2 * os.cpu_count()
        self.processes = [subprocess.Popen(command) for _ in range(count)]
        self.are_burning = True
        self.since = 0

    def follow(self, now):
        """Burns for a while, rests for a while."""
        if now - self.since > BURNING_S:
            self.since = now
            self.are_burning = not self.are_burning
            for process in self.processes:
                process.send_signal(signal.SIGCONT if self.are_burning else signal.SIGSTOP)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


class Hunt:
    """The servers, their connections, and what was tried so far."""

    def __init__(self, arguments, folder):
        self.rng = random.Random(arguments.seed)
        self.connections = arguments.connections
        self.folder = folder
        self.poll = select.epoll()
        self.peers = {}
        self.last_pump = time.monotonic()
        self.longest_pause = 0.0
        self.count = dict.fromkeys(
            ["slices", "pings", "requests", "answers", "connections", "resets", "stops", "switches",
             "left in the middle", "own pauses", "slow", "late"], 0)
        self.longest = {False: 0.0, True: 0.0}
        self.burners = Burners(60 * arguments.minutes + 60)
        self.servers = []
        log = (folder / "stderr").open("w")
        for number in range(arguments.servers):
            server = Server(arguments.server, options(self.rng, number), log)
            self.servers.append(server)
            print(f"{server.pid} at {server.address[1]}: {' '.join(server.options)}", flush=True)
            for _ in range(self.connections):
                self.connect(server)

    def connect(self, server):
        peer = Peer(server, self.rng.random() < 0.3)
        self.count["connections"] += 1
        self.peers[peer.socket.fileno()] = peer
        self.poll.register(peer.socket, select.EPOLLIN)
        return peer

    def of(self, servers):
        return [peer for peer in self.peers.values() if peer.server in servers]

    def leave(self, peer):
        """What it is owed waits in the kernel."""
        if not peer.is_left:
            peer.is_left = True
            peer.is_plain = False
            self.count["left in the middle"] += 1
            self.poll.unregister(peer.socket)

    def take_up(self, peer):
        if peer.is_left:
            peer.is_left = False
            peer.since = peer.server.clock()
            self.poll.register(peer.socket, select.EPOLLIN)
            self.watch(peer)

    def drop(self, peer, is_reset):
        self.take_up(peer)
        self.poll.unregister(peer.socket)
        del self.peers[peer.socket.fileno()]
        peer.close(is_reset)
        self.count["resets"] += is_reset

    def ask(self, peer, least=0):
        before = len(peer.owed)
        peer.ask(self.rng, least)
        self.count["requests"] += len(peer.owed) - before
        self.watch(peer)

    def watch(self, peer):
        wants = select.EPOLLIN | (select.EPOLLOUT if peer.output else 0)
        self.poll.modify(peer.socket, wants)

    def pump(self, seconds):
        """Takes what comes within this time; those that are owed nothing any more."""
        free = []
        for number, event in self.poll.poll(max(seconds, 0), 8192):
            peer = self.peers[number]
            if event & select.EPOLLOUT:
                peer.flush()
                self.watch(peer)
            if event & ~select.EPOLLOUT:
                answers = peer.receive()
                self.count["answers"] += answers
                if answers and not peer.owed:
                    free.append(peer)
                    self.note_wait(peer)
        for server in self.servers:
            server.go_on_if_due()
        now = time.monotonic()
        pause = now - self.last_pump - max(seconds, 0)
        self.longest_pause = max(self.longest_pause, pause)
        if pause > OWN_PAUSE_S:
            self.count["own pauses"] += 1
            for server in self.servers:
                server.not_counted += pause if server.stopped_at is None else 0
        self.last_pump = now
        return free

    def note_wait(self, peer):
        if peer.is_plain:
            burns = self.burners.are_burning
            waited = peer.server.clock() - peer.asked
            self.count["slow"] += waited > oracle.SLOW_S
            if waited > max(self.longest[burns], oracle.SLOW_S):
                print(oracle.why_slow(peer, waited), flush=True)
            self.longest[burns] = max(self.longest[burns], waited)

    def slice(self):
        """Drives some servers for some milliseconds, and stops in the middle."""
        self.count["slices"] += 1
        rng = self.rng
        most = len(self.servers)
        driven = rng.sample(self.servers, min(most, rng.choices([1, 2, 3], [8, 1, 1])[0]))
        self.disturb(driven)
        for peer in self.of(driven):
            self.take_up(peer)
        until = time.monotonic() + rng.uniform(0.010, 0.050)
        if rng.random() < 0.5:
            self.storm(driven, until)
            self.stop_short(driven)
        else:
            self.pings(driven, until)
        self.judge()

    def storm(self, driven, until):
        """All connections, or a part of them, ask again as soon as they are answered."""
        rng = self.rng
        share, least = rng.choice([1.0, 0.3]), rng.choice([0, 0, 0.6])
        free = [peer for peer in self.of(driven) if peer.rest or not peer.owed]
        while (now := time.monotonic()) < until:
            for peer in free:
                if peer.server in driven and rng.random() < share:
                    self.ask(peer, least)
            free = self.pump(min(0.005, until - now))

    def pings(self, driven, until):
        """A few requests, then silence until they are answered, and again: nothing follows that
        could make up for a wakeup that was lost."""
        rng = self.rng
        least = rng.choice([0, 0.6, 0.85])
        self.rest(driven)
        while time.monotonic() < until:
            self.count["pings"] += 1
            free = [peer for peer in self.of(driven) if not peer.owed]
            for peer in rng.sample(free, min(len(free), rng.randint(1, 3))):
                self.ask(peer, least)
            self.rest(driven)

    def disturb(self, driven):
        """What happens beside the load: resets, new connections, a switch, a stop."""
        rng = self.rng
        for peer in self.of(driven):
            if rng.random() < 0.01:
                self.drop(peer, rng.random() < 0.7)
                self.connect(peer.server)
        for server in driven:
            if rng.random() < 0.05:
                for peer in self.of([server]):
                    self.drop(peer, True)
                for _ in range(self.connections):
                    self.connect(server)
            if server.is_live and rng.random() < 0.3:
                self.switch(server)
            if server.stopped_at is None and rng.random() < 0.04:
                server.stop(rng.uniform(0.001, 0.200))
                self.count["stops"] += 1

    def switch(self, server):
        """Another value for a technique, by a connection of its own."""
        name = self.rng.choice(sorted(set(TECHNIQUES) - NOT_LIVE))
        value = self.rng.choice(TECHNIQUES[name]).encode()
        head = f"PUT /techniques/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
        peer = self.connect(server)
        peer.ask_for(head.encode() + b"%d\r\n\r\n" % len(value) + value, [b"{"])
        peer.is_plain = False
        self.count["requests"] += 1
        self.count["switches"] += 1
        self.watch(peer)
        # One in place of another.
        self.drop(self.rng.choice([one for one in self.of([server]) if one is not peer]), False)

    def stop_short(self, driven):
        """Stops: everything at once, or some of it after all is sent."""
        rng = self.rng
        leaves = rng.random() < 0.4
        for peer in self.of(driven):
            if leaves and peer.owed and rng.random() < 0.5:
                self.leave(peer)
            elif peer.rest and rng.random() < 0.7:
                self.ask(peer)
        self.pump(rng.choice([0, 0.001, 0.005]))

    def rest(self, driven):
        """Until all of them have answered, nobody is asked anything."""
        until = time.monotonic() + oracle.BOUND_S + 1
        while any(peer.is_waiting() for peer in self.of(driven)) and time.monotonic() < until:
            self.pump(0.01)
            self.sample()

    def sample(self):
        for server in self.servers:
            oracle.sample(server)

    def judge(self):
        self.sample()
        for server in self.servers:
            if server.process.poll() is not None:
                raise Loss(f"{server.pid} has ended: {server.process.returncode}")
        self.burners.follow(time.monotonic())
        for peer in list(self.peers.values()):
            if peer.is_waiting() and peer.waited() > oracle.BOUND_S:
                oracle.look_into(self, peer)

    def finish(self):
        """In the end all is taken up, and must be answered."""
        for peer in self.peers.values():
            self.take_up(peer)
            if peer.rest:
                self.ask(peer)
        self.rest(self.servers)
        self.judge()

    def tell(self):
        print(", ".join(f"{value:,} {name}" for name, value in self.count.items()))
        idle, busy = (1000 * self.longest[burns] for burns in (False, True))
        print(f"longest wait for a constant answer: {idle:.0f} ms, {busy:.0f} ms with burners; "
              f"longest pause of our own: {1000 * self.longest_pause:.0f} ms", flush=True)

    def end(self):
        self.burners.end()
        for peer in self.peers.values():
            peer.close(True)
        for server in self.servers:
            server.leave()
        for server in self.servers:
            server.end()


def parse():
    parser = argparse.ArgumentParser(description="Hunts for a lost wakeup.")
    parser.add_argument("--server", default="target/release/barewire", help="its binary")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--servers", type=int, default=6, help="how many at once")
    parser.add_argument("--connections", type=int, default=64, help="to each of them")
    return parser.parse_args()


def main():
    arguments = parse()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="barewire-hunt-"))
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    hunt, is_lost = None, False
    try:
        hunt = Hunt(arguments, folder)
        until = time.monotonic() + 60 * arguments.minutes
        while time.monotonic() < until:
            hunt.slice()
        hunt.finish()
    except Loss as loss:
        print(f"LOSS: {loss}\nevidence: {folder}", flush=True)
        is_lost = True
    finally:
        if hunt:
            hunt.tell()
            hunt.end()
        if not is_lost:
            shutil.rmtree(folder)
    return int(is_lost)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
