#!/usr/bin/env python3
"""A replicated key-value store in another process, with Python's standard library alone (docs/external.md).

    examples/kv.py --socket out/t/app-0.sock

It speaks the operations of apps/kv.h, so that `nika client put|get|cas|del` works with it. examples/kv.c is the same in C: replicas may
run either, for equal operations give equal answers and equal states.
"""
import argparse
import os
import socket
import struct
import sys

HELLO, EXECUTE, QUERY, SNAPSHOT, RESTORE = range(1, 6)
PUT, GET, DEL, CAS = 1, 2, 3, 4
OK, NOT_FOUND, MISMATCH, FULL, BAD, NOT_READ_ONLY = 0, 1, 2, 3, 4, 6
KEY_MAX, VALUE_MAX = 64, 1024
VERSION = b"nika-app-1"


class Malformed(Exception):
    """Bytes that are not what they should be."""


class Reader:
    """Takes bytes apart, from the front."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        if size > len(self.data):
            raise Malformed
        head, self.data = self.data[:size], self.data[size:]
        return head

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def text(self):
        return self.take(self.number(4))

    def end(self):
        if self.data:
            raise Malformed


def text(data):
    return struct.pack("<I", len(data)) + data


class Store:
    """The state. What it answers and what it holds may depend on nothing but the operations: no clock, no random numbers, no hash order."""

    def __init__(self):
        self.reset(1 << 20)

    def reset(self, state_max):
        self.pairs, self.size, self.state_max = {}, 4, state_max

    def put(self, key, value):
        old = self.pairs.get(key)
        size = self.size + len(value) - len(old) if old is not None else self.size + 8 + len(key) + len(value)
        if size > self.state_max:
            return FULL
        self.pairs[key], self.size = value, size
        return OK

    def run(self, operation, may_write):
        try:
            return self.apply(Reader(operation), may_write)
        except Malformed:
            return bytes([BAD])

    def apply(self, r, may_write):
        kind, key = r.number(1), r.text()
        if not 0 < len(key) <= KEY_MAX or kind not in (PUT, GET, DEL, CAS):
            raise Malformed
        value = expected = b""
        present = 1
        if kind == CAS:
            present, expected = r.number(1), r.text()
            if present > 1 or (present == 0 and expected) or len(expected) > VALUE_MAX:
                raise Malformed
        if kind in (PUT, CAS):
            value = r.text()
            if len(value) > VALUE_MAX:
                raise Malformed
        r.end()
        old = self.pairs.get(key)
        if kind == GET:
            return bytes([NOT_FOUND]) if old is None else bytes([OK]) + text(old)
        if not may_write:
            return bytes([NOT_READ_ONLY])
        if kind == PUT:
            return bytes([self.put(key, value)])
        if old is None and (kind == DEL or present):
            return bytes([NOT_FOUND])
        if kind == DEL:
            self.size -= 8 + len(key) + len(old)
            del self.pairs[key]
            return bytes([OK])
        if (old is not None) != bool(present) or (present and old != expected):
            return bytes([MISMATCH])
        return bytes([self.put(key, value)])

    def snapshot(self):
        """Keys in byte order: the state decides the bytes, not its history."""
        return struct.pack("<I", len(self.pairs)) + b"".join(text(k) + text(self.pairs[k]) for k in sorted(self.pairs))

    def restore(self, state):
        r = Reader(state)
        self.pairs, self.size = {}, len(state)
        for _ in range(r.number(4)):
            key = r.text()
            self.pairs[key] = r.text()
        r.end()


def answer(store, method, r):
    if method == HELLO:
        if r.text() != VERSION:
            raise Malformed
        r.take(8)  # Limits of operations and replies: ours are smaller.
        store.reset(r.number(4))
        return text(VERSION)
    if method == EXECUTE:
        r.take(20)  # Client, its timestamp, the agreed time.
        return text(store.run(r.text(), True))
    if method == QUERY:
        r.take(12)
        return text(store.run(r.text(), False))
    if method == SNAPSHOT:
        return text(store.snapshot())
    if method == RESTORE:
        store.restore(r.text())
        return b""
    raise Malformed


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            return None
        data += more
    return data


def serve(connection, store, answer=answer):
    """One replica, until it goes away. Closing is the way to say that something cannot be answered."""
    while True:
        head = receive(connection, 4)
        if head is None:
            return
        size = struct.unpack("<I", head)[0]
        if not 9 <= size <= 2 << 20:
            return
        request = receive(connection, size)
        if request is None:
            return
        try:
            body = answer(store, request[8], Reader(request[9:]))
        except Malformed:
            return
        connection.sendall(struct.pack("<I", 9 + len(body)) + request[:8] + b"\0" + body)


def listen(path, store, answer=answer):
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    os.chmod(path, 0o600)
    server.listen(1)
    while True:
        connection, _ = server.accept()
        with connection:
            try:
                serve(connection, store, answer)
            except OSError as error:
                print(f"kv.py: {error}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A replicated key-value store behind a replica of Nika.")
    parser.add_argument("--socket", required=True, help="where the replica finds it")
    try:
        listen(parser.parse_args().socket, Store())
    except KeyboardInterrupt:
        pass
