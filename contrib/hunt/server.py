"""A server under the hunt: how it is started, stopped for a while, and looked at from outside."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

# Nothing may come to a connection's rescue: before a deadline the server looks at the socket once
# more, and would find there what a lost wakeup left.
PATIENT = ["--idle-timeout", "1h", "--head-timeout", "1h", "--body-timeout", "1h",
           "--write-timeout", "1h", "--body-rate-span", "1h", "--jobs-max", "65536"]
# What decides when a reactor is woken and how far it goes then. The first value of each is the
# usual one.
TECHNIQUES = {
    "spin": ["0", "50", "2000"],
    "fine-timer": ["on", "off"],
    "register-once": ["on", "off"],
    "event-batching": ["1024", "1", "7"],
    "accept-batches": ["64", "1"],
    "short-read": ["on", "off"],
    "lazy-deadlines": ["on", "off"],
    "write-at-once": ["on", "off"],
    "batched-writes": ["on", "off"],
    "shared-input": ["on", "off"],
    "turn-clock": ["8", "1"],
    "slab": ["on", "off"],
    "own-listener": ["on", "off"],
}
NOT_LIVE = {"own-listener"}


def options(rng, number):
    """The command line of one: the first as anybody starts it, the others by chance."""
    if number == 0:
        return ["--workers", "1"]
    drawn = ["--workers", str(rng.randint(1, 3)), "--job-threads", str(rng.randint(1, 3))]
    if rng.random() < 0.4:
        drawn += ["--buffer-size", "1KiB"]
    if rng.random() < 0.5:
        drawn.append("--live")
    for name, values in TECHNIQUES.items():
        if rng.random() < 0.25:
            drawn += ["--with", f"{name}={rng.choice(values[1:])}"]
    return list(spelled(drawn))


def spelled(drawn):
    """A technique that is only on or off is taken away by name."""
    for word in drawn:
        name, _, value = word.partition("=")
        if value == "off":
            yield from ["--without", name]
        elif name in TECHNIQUES:
            yield from ["--with", word]
        elif word != "--with":
            yield word


class Server:
    """A process, its address, and the time for which it could run."""

    def __init__(self, binary, drawn, log):
        self.options = drawn
        self.is_live = "--live" in drawn
        self.stopped_at = None
        self.go_on_at = 0.0
        self.not_counted = 0.0
        self.samples = []
        command = [binary, "--port", "0", *drawn, *PATIENT]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        found = re.match(r"listening on http://([\d.]+):(\d+)", line)
        if not found:
            raise RuntimeError(f"did not start: {' '.join(command)}: {line!r}")
        self.address = found[1], int(found[2])

    def clock(self):
        """Seconds in which it was not stopped, and the hunt itself could run."""
        now = time.monotonic() if self.stopped_at is None else self.stopped_at
        return now - self.not_counted

    def stop(self, seconds):
        self.stopped_at = time.monotonic()
        self.go_on_at = self.stopped_at + seconds
        os.kill(self.pid, signal.SIGSTOP)

    def go_on_if_due(self):
        if self.stopped_at is not None and time.monotonic() >= self.go_on_at:
            self.go_on()

    def go_on(self):
        if self.stopped_at is not None:
            os.kill(self.pid, signal.SIGCONT)
            self.not_counted += time.monotonic() - self.stopped_at
            self.stopped_at = None

    def leave(self):
        self.go_on()
        self.process.terminate()

    def end(self):
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def threads(self):
        """Of each thread: its name, state, where it sleeps, and nanoseconds run and waited."""
        found = {}
        for task in sorted(pathlib.Path(f"/proc/{self.pid}/task").iterdir()):
            try:
                name, rest = (task / "stat").read_text().split(" (", 1)[1].rsplit(") ", 1)
                ran, waited, _ = map(int, (task / "schedstat").read_text().split())
                call = (task / "syscall").read_text().split()[0]
                wchan = (task / "wchan").read_text()
            except OSError:
                continue
            found[task.name] = (name, rest.split()[0], wchan, call, ran, waited)
        return found

    def sockets(self):
        """Of each of its connections, by the peer's port: bytes unread, and not yet taken."""
        queues = {}
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, sizes, *_ = line.split()
            if int(local.split(":")[1], 16) == self.address[1] and state != "0A":
                unsent, unread = (int(size, 16) for size in sizes.split(":"))
                queues[int(remote.split(":")[1], 16)] = (unread, unsent)
        return queues

    def keep_core(self, folder):
        """ss's view and the memory of the process, if those programs are there."""
        if shutil.which("ss"):
            ports = f"sport = :{self.address[1]} or dport = :{self.address[1]}"
            seen = subprocess.run(["ss", "-tnoi", ports], capture_output=True, text=True)
            (folder / f"ss-{self.pid}").write_text(seen.stdout)
        if shutil.which("gcore"):
            target = str(folder / "core")
            subprocess.run(["gcore", "-o", target, str(self.pid)], capture_output=True, timeout=60)
