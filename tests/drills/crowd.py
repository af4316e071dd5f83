#!/usr/bin/env python3
"""crowd.py PORT CLIENTS SECONDS: that many clients at once, each of which scrapes without pause on fresh connections.

Prints one line of JSON: answers, failures, the slowest in seconds. In a process of its own, and what arrives is only
counted: this is not to be slower than what it measures.
"""

import json
import selectors
import socket
import sys
import time

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: crowd\r\nConnection: close\r\n\r\n"


class Client:
    def __init__(self, port, waiting):
        self.port, self.waiting = port, waiting
        self.answers, self.failures, self.slowest = 0, [], 0.0
        self.buffer = bytearray(1 << 18)
        self.begin()

    def begin(self):
        self.began, self.got, self.head = time.monotonic(), 0, b""
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.sendall(REQUEST)
        self.socket.setblocking(False)
        self.waiting.register(self.socket, selectors.EVENT_READ, self)

    def read(self):
        """False when the answer is over."""
        try:
            got = self.socket.recv_into(self.buffer)
        except BlockingIOError:
            return True
        except OSError as error:
            self.end(str(error))
            return False
        if len(self.head) < 512:
            self.head += bytes(self.buffer[:min(got, 512)])
        self.got += got
        if got:
            return True
        head = self.head.split(b"\r\n\r\n")[0]
        wanted = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), -1)
        ok = head.startswith(b"HTTP/1.1 200") and self.got == wanted + len(head) + 4
        self.end(None if ok else f"{self.got} bytes of {wanted}: {head[:40]!r}")
        return False

    def end(self, failure):
        self.waiting.unregister(self.socket)
        self.socket.close()
        self.slowest = max(self.slowest, time.monotonic() - self.began)
        if failure:
            self.failures.append(failure)
        else:
            self.answers += 1


def main():
    port, count, seconds = (int(word) for word in sys.argv[1:])
    waiting = selectors.DefaultSelector()
    clients = [Client(port, waiting) for _ in range(count)]
    end = time.monotonic() + seconds
    while waiting.get_map():
        for key, _ in waiting.select(1):
            if not key.data.read() and time.monotonic() < end:
                key.data.begin()
    print(json.dumps({"answers": sum(one.answers for one in clients), "failures": [text for one in clients for text in one.failures][:3],
                      "failed": sum(len(one.failures) for one in clients), "slowest": max(one.slowest for one in clients)}))


if __name__ == "__main__":
    main()
