#!/usr/bin/env python3
"""speaker.py FIRST COUNT BLOCKS: that many BGP neighbours in one process, each from an address of its own.

Each connects to the node, opens (RFC 4271 §4.2), announces its own blocks and keeps the session alive; what it receives is
read and thrown away. BIRD cannot play this part: it holds one session a neighbour address.
"""

import contextlib
import selectors
import socket
import struct
import sys
import time

# Every address of 10.99/16 is on the neighbours' side but this one, the node's.
NODE = "10.99.0.1"
AS = 64512
HOLD = 240


def address(number):
    return f"10.99.{1 + number // 200}.{1 + number % 200}"


def block(number, index):
    """The index-th /26 of a peer's; room for 32 each."""
    value = (172 << 24) + (16 << 20) + (number * 32 + index) * 64
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/26"


def message(kind, body=b""):
    """§4.1: marker, length, type."""
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def opening(own):
    """§4.2, with the capabilities multiprotocol IPv4 unicast and four-octet AS."""
    capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x41\x04" + struct.pack("!I", AS)
    parameter = b"\x02" + bytes([len(capabilities)]) + capabilities
    return message(1, struct.pack("!BHH4sB", 4, AS, HOLD, socket.inet_aton(own), len(parameter)) + parameter)


def update(own, prefixes):
    """§4.3: origin IGP, empty AS path, next hop, local preference."""
    attributes = (b"\x40\x01\x01\x00" + b"\x40\x02\x00" + b"\x40\x03\x04" + socket.inet_aton(own) + b"\x40\x05\x04\x00\x00\x00\x64")
    announced = b""
    for prefix in prefixes:
        net, length = prefix.split("/")
        announced += bytes([int(length)]) + socket.inet_aton(net)[:(int(length) + 7) // 8]
    return message(2, b"\x00\x00" + struct.pack("!H", len(attributes)) + attributes + announced)


def connect(number, blocks):
    """A session that has said all it has to say; `None` while the node does not listen."""
    own = address(number)
    client = socket.socket()
    client.settimeout(2)
    try:
        client.bind((own, 0))
        client.connect((NODE, 179))
        client.sendall(opening(own) + message(4))
        for begin in range(0, blocks, 500):
            client.sendall(update(own, [block(number, index) for index in range(begin, min(begin + 500, blocks))]))
    except OSError:
        client.close()
        return None
    client.setblocking(False)
    return client


def main():
    first, count, blocks = (int(word) for word in sys.argv[1:])
    waiting = selectors.DefaultSelector()
    absent = list(range(first, first + count))
    tried = alive = time.monotonic()
    while True:
        if absent and time.monotonic() - tried > 0.3:
            again = []
            for number in absent:
                client = None if again else connect(number, blocks)
                if client:
                    waiting.register(client, selectors.EVENT_READ, number)
                else:
                    again.append(number)
            absent, tried = again, time.monotonic()
        for key, _ in waiting.select(0.2 if absent else 5) if waiting.get_map() else []:
            try:
                closed = not key.fileobj.recv(65536)
            except OSError:
                closed = True
            if closed:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                absent.append(key.data)
        if time.monotonic() - alive > HOLD / 4:
            alive = time.monotonic()
            for key in list(waiting.get_map().values()):
                with contextlib.suppress(OSError):
                    key.fileobj.sendall(message(4))
        if not waiting.get_map():
            time.sleep(0.1)


if __name__ == "__main__":
    main()
