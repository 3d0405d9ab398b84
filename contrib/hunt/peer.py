"""A connection of the hunt: what it asks, what it is owed, and what it leaves in the middle."""

import collections
import errno
import re
import socket
import struct

HEAD = b"Host: x\r\n\r\n"
PLAIN = b"GET /plaintext HTTP/1.1\r\n" + HEAD
JSON = b"GET /json HTTP/1.1\r\n" + HEAD
STATS = b"GET /stats HTTP/1.1\r\n" + HEAD
DISK = b"GET /io-benchmark HTTP/1.1\r\n" + HEAD
NAMES = b'{"files":["small.txt","large.txt"]}'
FILES = (b"POST /async-files HTTP/1.1\r\nContent-Length: %d\r\n" % len(NAMES)) + HEAD + NAMES
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
# The two words are what must be in the answer; 503 is the job queue's right.
OF_PLAIN, OF_JSON, OF_OTHER = b"Hello, World!", b'{"message"', b"{"


class Loss(Exception):
    """An answer is wrong, or a connection has ended that was to stay."""


def waiting(rng):
    """A request whose answer takes its time: mostly short, sometimes as long as a slice."""
    span = rng.choice([0, 1, 50, 100, 900, 1000, 5000, 30000])
    return b"GET /benchmark?work=10&wait_us=%d HTTP/1.1\r\n" % span + HEAD


def batch(rng, least):
    """What is asked at once: the bytes, and what each answer has in it. Beyond a `least` of 0 the
    simple requests are left out, and from 0.85 on jobs make up most of it."""
    kind = rng.uniform(least, 1)
    if kind < 0.45:
        return PLAIN, [OF_PLAIN]
    if kind < 0.60:
        # Their bytes may fill the server's buffer to the last.
        asked = rng.choices([(PLAIN, OF_PLAIN), (JSON, OF_JSON)], k=rng.choice([2, 3, 16, 20, 64]))
    elif kind < 0.75:
        asked = [(waiting(rng), OF_OTHER)]
    elif kind < 0.85:
        asked = [(waiting(rng), OF_OTHER), (PLAIN, OF_PLAIN)] * rng.randint(1, 5)
    elif kind < 0.94:
        # More than a small receive buffer takes.
        asked = [(STATS, OF_OTHER)] * rng.randint(1, 20)
    elif kind < 0.995:
        asked = [(FILES, OF_OTHER), (PLAIN, OF_PLAIN)]
    else:
        asked = [(DISK, OF_OTHER)]
    return b"".join(request for request, _ in asked), [answer for _, answer in asked]


class Peer:
    """A socket that does not block. `since` is the server's clock when something came last."""

    def __init__(self, server, is_small):
        self.server = server
        self.owed = collections.deque()
        self.input = bytearray()
        self.output = b""
        self.rest = b""
        self.is_left = False
        self.is_plain = True
        self.answered = 0
        self.asked = self.since = server.clock()
        self.socket = socket.socket()
        if is_small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        # Over loopback the kernel has connected it, unless the backlog is full.
        if self.socket.connect_ex(server.address) not in (0, errno.EINPROGRESS):
            raise Loss("no connection")
        self.port = self.socket.getsockname()[1]

    def ask(self, rng, least=0):
        """Sends a batch; a part of it may stay here until the next call."""
        if self.rest:
            self.output, self.rest = self.output + self.rest, b""
            self.flush()
            return
        requests, answers = batch(rng, least)
        if rng.random() < 0.2:
            cut = rng.randrange(1, len(requests))
            requests, self.rest = requests[:cut], requests[cut:]
        self.ask_for(requests, answers)
        self.is_plain = not self.rest and OF_OTHER not in answers

    def ask_for(self, requests, answers):
        """Sends this, for which there are these answers."""
        self.asked = self.since = self.server.clock()
        self.owed.extend(answers)
        self.output += requests
        self.flush()

    def flush(self):
        """Sends what there is room for."""
        try:
            sent = self.socket.send(self.output) if self.output else 0
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise Loss(f"send: {error}") from None
        self.output = self.output[sent:]
        self.since = self.server.clock()

    def receive(self):
        """Takes what has come, and strikes off the answers that are whole; how many."""
        try:
            piece = self.socket.recv(65536)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Loss(f"recv: {error}") from None
        if not piece:
            raise Loss("the server has closed it")
        self.since = self.server.clock()
        self.input += piece
        answers = 0
        while self.take():
            answers += 1
        if self.input and not self.owed:
            raise Loss(f"not asked for: {bytes(self.input[:200])!r}")
        return answers

    def take(self):
        """Strikes off one answer, if it is whole."""
        end = self.input.find(b"\r\n\r\n")
        if end < 0 or not self.owed:
            return False
        head = bytes(self.input[:end])
        length = LENGTH.search(head)
        whole = end + 4 + int(length[1]) if length else end + 4
        if len(self.input) < whole:
            return False
        expected = self.owed.popleft()
        if head[9:12] not in (b"200", b"503") or expected not in self.input[end:whole]:
            raise Loss(f"{expected!r} was asked for: {bytes(self.input[:300])!r}")
        del self.input[:whole]
        return True

    def is_waiting(self):
        """Whether the server is to do something: all was sent, and we read."""
        return bool(self.owed) and not self.rest and not self.is_left

    def waited(self):
        return self.server.clock() - self.since

    def close(self, is_reset):
        """Goes in the middle of whatever is under way."""
        if is_reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
