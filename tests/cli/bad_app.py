#!/usr/bin/env python3
"""An application that fails in one way. Usage: bad_app.py SOCKET MODE. It is good until it has said hello."""
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples"))
import kv  # noqa: E402

path, mode = sys.argv[1:]
connections = []


class Noisy:
    """The connection as `serve` sees it, with the garbage of this mode in it."""

    def __init__(self, connection):
        self.connection, self.armed = connection, False

    def recv(self, size):
        return self.connection.recv(size)

    def sendall(self, data):
        if self.armed:
            data = {
                "garbage": os.urandom(64),
                "oversize": struct.pack("<I", 0xFFFFFFFF) + data[4:],
                "other": data[:4] + bytes([data[4] ^ 1]) + data[5:],
                "refuse": data[:12] + b"\1" + data[13:],
                "unasked": data + data,
                "half": data[:-1],
                "form": struct.pack("<I", 9 + 3) + data[4:13] + b"abc",
            }[mode]
        self.connection.sendall(data)


def answer(store, method, r):
    if method == kv.HELLO and mode == "hello":
        return kv.text(b"nika-app-9")
    if method != kv.HELLO:
        if mode == "hang":
            time.sleep(1000)
        if mode == "die":
            os._exit(9)
        connections[-1].armed = True
    return kv.answer(store, method, r)


original = kv.serve


def serve(connection, store, answer):
    connections.append(Noisy(connection))
    original(connections[-1], store, answer)


kv.serve = serve
kv.listen(path, kv.Store(), answer)
