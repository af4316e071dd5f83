"""A DNS server with one name, at each node's own address, and pods that ask it."""

import contextlib
import os
import select
import shutil
import socket
import struct
import threading

NAME = "probes.test"


class Dns:
    """Answers A queries with `addresses`, every other type with nothing (RFC 1035 §4.1); no query at all while `silent`."""

    def __init__(self):
        self.addresses, self.silent, self.queries = [], False, 0

    @contextlib.contextmanager
    def serving(self, pods):
        """`ip netns exec` puts /etc/netns/NAME/resolv.conf in the place of /etc/resolv.conf."""
        sockets, ended = [], threading.Event()
        self.addresses = [pod.address for pod in pods]
        for pod in pods:
            with pod.node.namespace.entered():
                server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((pod.node.address, 53))
            sockets.append(server)
            os.makedirs(f"/etc/netns/{pod.namespace.name}", exist_ok=True)
            with open(f"/etc/netns/{pod.namespace.name}/resolv.conf", "w", encoding="ascii") as file:
                file.write(f"nameserver {pod.node.address}\noptions timeout:1 attempts:1\n")
        thread = threading.Thread(target=self._serve, args=(sockets, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            for pod, server in zip(pods, sockets):
                server.close()
                shutil.rmtree(f"/etc/netns/{pod.namespace.name}")

    def _serve(self, sockets, ended):
        while not ended.is_set():
            for server in select.select(sockets, [], [], 0.2)[0]:
                query, client = server.recvfrom(512)
                self.queries += 1
                if not self.silent:
                    server.sendto(self._answer(query), client)

    def _answer(self, query):
        end = query.index(b"\0", 12) + 5  # of the one question: its name, its type, its class
        wanted = self.addresses if struct.unpack("!H", query[end - 4:end - 2])[0] == 1 else []
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(address) for address in wanted)
        return query[:2] + struct.pack("!HHHHH", 0x8580, 1, len(wanted), 0, 0) + query[12:end] + records
