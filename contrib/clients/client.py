"""Python's own clients, http.client and urllib.request, and two plain sockets.

    python3 contrib/clients/client.py HOST:PORT

Prints a line for each check that is passed; ends with exit code 1 at the first that is not.
contrib/clients.sh runs it.
"""

import http.client
import json
import os
import socket
import sys
import urllib.error
import urllib.request
import zlib

ADDRESS = sys.argv[1]
HOST, PORT = ADDRESS.rsplit(":", 1)
URL = f"http://{ADDRESS}"
HELLO = b"Hello, World!"
BODY = os.urandom(300_000)
TOO_LARGE = bytes(8 << 20)


def same(of, expected, got):
    if expected != got:
        sys.exit(f"{of}\n  expected: {expected!r}\n  got:      {got!r}")


def connect():
    return http.client.HTTPConnection(ADDRESS, timeout=20)


def ask(connection, method, path, **rest):
    """The answer and its body; http.client allows the next request only after the whole body."""
    connection.request(method, path, **rest)
    answer = connection.getresponse()
    return answer, answer.read()


def accepted(connection):
    stats = json.loads(ask(connection, "GET", "/stats")[1])
    return sum(reactor["accepted"] for reactor in stats["reactors"])


def taken(answer, body):
    """The answer of /zero-copy says that this body arrived."""
    same("status", 200, answer[0].status)
    said = json.loads(answer[1])
    same("bytes, CRC", [len(body), f"{zlib.crc32(body):08x}"], [said["input_size"], said["crc32"]])


def exchange(request, half_close=False):
    """Everything that a plain socket gets, to the server's close."""
    with socket.create_connection((HOST, int(PORT)), timeout=20) as plain:
        plain.sendall(request)
        if half_close:
            plain.shutdown(socket.SHUT_WR)
        got = b""
        while piece := plain.recv(65536):
            got += piece
        return got


def keep_alive():
    """http.client: fifty requests over one connection, errors among them"""
    connection = connect()
    before = accepted(connection)
    own = connection.sock
    for number in range(50):
        path = "/nothing" if number % 10 == 9 else "/plaintext"
        answer, body = ask(connection, "GET", path)
        same("status", 404 if path == "/nothing" else 200, answer.status)
        same("version", 11, answer.version)
        if answer.status == 200:
            same("body", HELLO, body)
        same("the socket is the same", True, connection.sock is own)
    same("connections opened", 0, accepted(connection) - before)


def close():
    """http.client: Connection: close is kept, the next request connects anew"""
    connection = connect()
    before = accepted(connection)
    for _ in range(2):
        answer, body = ask(connection, "GET", "/plaintext", headers={"Connection": "close"})
        same("status, body", (200, HELLO), (answer.status, body))
        same("will_close", True, answer.will_close)
    # The first of the two went over the connection that counted.
    same("connections opened", 2, accepted(connection) - before)


def old_version():
    """http.client: HTTP/1.0, with and without keep-alive"""
    connection = connect()
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    answer, body = ask(connection, "GET", "/plaintext")
    same("status, body, will_close", (200, HELLO, True), (answer.status, body, answer.will_close))
    for _ in range(3):
        answer, body = ask(connection, "GET", "/plaintext", headers={"Connection": "keep-alive"})
        same("status, body", (200, HELLO), (answer.status, body))
        same("will_close", False, answer.will_close)
        same("Connection", "keep-alive", answer.getheader("connection"))


def head():
    """http.client: HEAD has the length and no body, and a GET follows"""
    connection = connect()
    answer, body = ask(connection, "HEAD", "/plaintext")
    length = answer.getheader("content-length")
    same("status, length, body", (200, "13", b""), (answer.status, length, body))
    same("body of the GET", HELLO, ask(connection, "GET", "/plaintext")[1])


def bodies():
    """http.client: bodies as bytes, chunked by a generator, and with Expect"""
    connection = connect()
    before = accepted(connection)
    taken(ask(connection, "POST", "/zero-copy", body=BODY), BODY)
    pieces = (BODY[at : at + 7_777] for at in range(0, len(BODY), 7_777))
    taken(ask(connection, "POST", "/zero-copy", body=pieces), BODY)
    # It does not wait for the 100, but has to read over it.
    headers = {"Expect": "100-continue"}
    taken(ask(connection, "POST", "/zero-copy", body=BODY, headers=headers), BODY)
    taken(ask(connection, "POST", "/zero-copy"), b"")
    same("connections opened", 0, accepted(connection) - before)


def too_large():
    """http.client: 8 MiB are sent whole before the answer is read, and it is 413"""
    for _ in range(5):
        answer, body = ask(connect(), "POST", "/zero-copy", body=TOO_LARGE)
        same("status, will_close", (413, True), (answer.status, answer.will_close))
        same("the error names the option", True, "--body-max" in json.loads(body)["error"])


def tunnel():
    """http.client: set_tunnel is told 501"""
    connection = connect()
    connection.set_tunnel("example.org", 80)
    try:
        connection.request("GET", "/")
        same("CONNECT", "an error", "a tunnel")
    except OSError as error:
        same("error", "Tunnel connection failed: 501 Not Implemented", str(error))


def opener():
    """urllib.request: GET, POST, HEAD, and 404 as an HTTPError with its body"""
    with urllib.request.urlopen(f"{URL}/json", timeout=20) as answer:
        same("status", 200, answer.status)
        same("content", b'{"message":"Hello, World!"}', answer.read())
        # It sends this itself, and reads to the end.
        same("Connection", "close", answer.headers["connection"])
    with urllib.request.urlopen(f"{URL}/zero-copy", data=BODY, timeout=20) as answer:
        taken((answer, answer.read()), BODY)
    request = urllib.request.Request(f"{URL}/plaintext", method="HEAD")
    with urllib.request.urlopen(request, timeout=20) as answer:
        same("length, body", ("13", b""), (answer.headers["content-length"], answer.read()))
    try:
        urllib.request.urlopen(f"{URL}/nothing", timeout=20)
        same("/nothing", "an HTTPError", "none")
    except urllib.error.HTTPError as error:
        same("status", 404, error.code)
        same("words of the error", True, "nothing at this path" in json.load(error)["error"])


def proxy():
    """urllib.request: by a ProxyHandler, the absolute form"""
    through = urllib.request.build_opener(urllib.request.ProxyHandler({"http": URL}))
    with through.open("http://example.org/plaintext", timeout=20) as answer:
        same("status, body", (200, HELLO), (answer.status, answer.read()))


def prior_knowledge():
    """a socket: HTTP/2's preface and SETTINGS get 505 and a close"""
    settings = bytes.fromhex("000000040000000000")
    got = exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
    head, _, body = got.partition(b"\r\n\r\n")
    same("status line", b"HTTP/1.1 505 HTTP Version Not Supported", head.split(b"\r\n")[0])
    same("Connection: close", True, b"\r\nConnection: close" in head)
    same("JSON", ["error"], list(json.loads(body)))


def half_close():
    """a socket: its side is shut down after the request, the deferred answer still comes"""
    request = b"GET /benchmark?wait_us=200000 HTTP/1.1\r\nHost: x\r\n\r\n"
    head, _, body = exchange(request, half_close=True).partition(b"\r\n\r\n")
    same("status line", b"HTTP/1.1 200 OK", head.split(b"\r\n")[0])
    same("wait_us", 200_000, json.loads(body)["wait_us"])


CHECKS = [keep_alive, close, old_version, head, bodies, too_large, tunnel, opener, proxy]
for check in [*CHECKS, prior_knowledge, half_close]:
    check()
    print(check.__doc__, flush=True)
