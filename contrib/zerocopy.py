#!/usr/bin/env python3
"""Does send(2) with MSG_ZEROCOPY spare the copy over loopback? Sends 256 KiB twenty times, and asks the
kernel, whose completions say whether it copied all the same (SO_EE_CODE_ZEROCOPY_COPIED)."""

import socket
import struct

SO_ZEROCOPY, MSG_ZEROCOPY, MSG_ERRQUEUE = 60, 0x4000000, 0x2000
ORIGIN_ZEROCOPY, CODE_COPIED = 5, 1

listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
server.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
sends = copied = 0
for _ in range(20):
    left = server.send(b"x" * (256 * 1024), MSG_ZEROCOPY)
    while left:
        left -= len(client.recv(left))
    try:
        _, ancillary, _, _ = server.recvmsg(0, 512, MSG_ERRQUEUE)
    except BlockingIOError:
        continue
    for _, _, data in ancillary:
        # struct sock_extended_err: a range of sends, from info to data.
        _, origin, _, code, _, first, last = struct.unpack("IBBBBII", data[:16])
        if origin == ORIGIN_ZEROCOPY:
            sends += last - first + 1
            copied += (last - first + 1) * (code & CODE_COPIED)
print(f"{sends} sends completed, {copied} of them were copied all the same")
