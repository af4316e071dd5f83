"""Drills on the listener: many clients, slow ones, rude ones, and ones that vanish."""

import base64
import collections
import contextlib
import itertools
import os
import resource
import socket
import struct
import threading
import time

from ledger import crowd, watched

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: drill\r\n\r\n"


def connect(setting, exporter, timeout=5, source=None):
    with exporter.namespace.entered():
        client = socket.socket()
    client.settimeout(timeout)
    if source:
        client.bind((source, 0))
    client.connect(("127.0.0.1", exporter.port))
    return client


def quiet_scrape(row, exporter, said):
    """A scrape by somebody who did nothing wrong."""
    began = time.monotonic()
    try:
        scrape = exporter.scrape()
        row.check(bool(scrape.series("calico_bgp_peers")), f"{said}: the scrape lacks its sessions")
    except (OSError, AssertionError) as error:
        row.check(False, f"{said}: a quiet client's scrape failed: {error}")
    return time.monotonic() - began


def concurrent(row, setting):
    """100 concurrent scrapers"""
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird, spare=3):
            seen = crowd(exporter, 100, 10)
        row.check(not seen["failed"], f"{seen['failed']} scrapes failed: {seen['failures']}")
        row.served = f"{seen['answers']} scrapes in 10 s, slowest {seen['slowest'] * 1000:.0f} ms"


def idle(row, setting):
    """10,000 idle connections"""
    count = setting.times(10000, quick=2000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    clients = []
    try:
        with setting.exporter() as exporter:
            exporter.scrape()
            with watched(row, exporter, setting.bird, settle=3):
                took = []
                for number in range(count):
                    with contextlib.suppress(OSError):
                        clients.append(connect(setting, exporter, timeout=1))
                    if number % (count // 5) == count // 10:
                        took.append(quiet_scrape(row, exporter, f"after {number} connections"))
                took.append(quiet_scrape(row, exporter, "with all of them open"))
                row.served = f"{len(clients)} connections, a quiet client's scrape at most {max(took) * 1000:.0f} ms"
                for client in clients:
                    client.close()
                clients.clear()
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def slow_readers(row, setting):
    """200 readers that take a byte a second"""
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird, settle=3):
            clients = []
            for _ in range(200):
                with contextlib.suppress(OSError):
                    client = connect(setting, exporter)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    client.sendall(REQUEST)
                    clients.append(client)
            took = []
            for _ in range(8):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.settimeout(0.001)
                        client.recv(1)
                took.append(quiet_scrape(row, exporter, "among slow readers"))
                time.sleep(1)
            for client in clients:
                client.close()
        row.served = f"a quiet client's scrape at most {max(took) * 1000:.0f} ms"


def trickling(row, setting):
    """30 readers of other answers that take a little"""
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird, settle=3):
            clients, took = [], []
            for _ in range(30):
                client = connect(setting, exporter)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.sendall(REQUEST)
                client.settimeout(0)
                clients.append(client)
                # Older than a second: the next one gets another answer.
                end = time.monotonic() + 1.05
                while time.monotonic() < end:
                    for other in clients:
                        with contextlib.suppress(OSError):
                            other.recv(2048)
                    time.sleep(0.1)
                took.append(quiet_scrape(row, exporter, "among readers that take a little"))
            for client in clients:
                client.close()
        row.served = f"a quiet client's scrape at most {max(took) * 1000:.0f} ms"


# The hash of `fakepassword` that exporter-toolkit itself has.
WEB_CONFIG = "basic_auth_users:\n  prometheus: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n"


def password(text):
    return "Basic " + base64.b64encode(f"prometheus:{text}".encode()).decode()


def guessing(row, setting):
    """200 guessers of a password, without pause"""
    path = os.path.join(setting.directory, "web.yml")
    with open(path, "w", encoding="ascii") as file:
        file.write(WEB_CONFIG)
    guesses, ended = itertools.count(), threading.Event()
    answers = collections.Counter()

    def guess(number):
        while not ended.is_set():
            with contextlib.suppress(OSError), connect(setting, exporter, source=f"127.0.1.{1 + number % 50}") as client:
                client.sendall(f"GET /metrics HTTP/1.1\r\nHost: drill\r\nAuthorization: {password(next(guesses))}\r\n\r\n".encode())
                status = client.recv(64).split(b" ")[1:2]
                answers[status[0].decode() if status else "closed"] += 1
            ended.wait(0.2)

    def known():
        began = time.monotonic()
        status, _ = exporter.get("/metrics", headers={"Authorization": password("fakepassword")})
        row.check(status == 200, f"the one with the password got {status}")
        return time.monotonic() - began

    def first_time():
        """Somebody else with the password that nobody had come with yet."""
        began = time.monotonic()
        while time.monotonic() - began < 30:
            with contextlib.suppress(OSError), connect(setting, exporter, timeout=15, source="127.0.2.1") as client:
                client.sendall(f"GET /metrics HTTP/1.1\r\nHost: drill\r\nAuthorization: {password('fakepassword')}\r\n\r\n".encode())
                if client.recv(64).split(b" ")[1] == b"200":
                    return time.monotonic() - began
            time.sleep(0.2)
        row.check(False, "the right password was not let in within 30 s")
        return 30.0

    with setting.exporter("--web.config.file", path) as exporter:
        with watched(row, exporter, setting.bird, settle=3):
            crowd_of = [threading.Thread(target=guess, args=(number,)) for number in range(200)]
            for one in crowd_of:
                one.start()
            try:
                time.sleep(1)
                first = first_time()
                took = []
                for _ in range(8):
                    took.append(known())
                    time.sleep(1)
            finally:
                ended.set()
                for one in crowd_of:
                    one.join()
        row.served = (f"answers {', '.join(f'{count} × {status}' for status, count in sorted(answers.items()))}; who has the password got in "
                      f"after {first:.1f} s, then within {max(took) * 1000:.0f} ms")


def slow_writers(row, setting):
    """200 writers that send a byte a second"""
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird, settle=3):
            clients = []
            for _ in range(200):
                with contextlib.suppress(OSError):
                    clients.append(connect(setting, exporter))
            took, closed = [], 0
            for second in range(14):
                for client in clients:
                    try:
                        client.sendall(REQUEST[second:second + 1])
                    except OSError:
                        closed += 1
                took.append(quiet_scrape(row, exporter, "among slow writers"))
                time.sleep(1)
            for client in clients:
                client.close()
        row.served = f"a quiet client's scrape at most {max(took) * 1000:.0f} ms"


def oversized(row, setting):
    """headers and paths of a megabyte"""
    rude = [
        ("a path of 1 MB", b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a header of 1 MB", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2**20 + b"\r\n\r\n"),
        ("5,000 headers", b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n"),
        ("a body of 1 MB", b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"a" * 2**20),
        ("noise", bytes(range(256)) * 40),
        ("a chunked body without end", b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 100000),
    ]
    said = []
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            for name, request in rude * 10:
                client = connect(setting, exporter)
                answer = b""
                with contextlib.suppress(OSError):
                    client.sendall(request)
                with contextlib.suppress(OSError):
                    answer = client.recv(64)
                client.close()
                status = answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/") else "closed"
                row.check(status in ("closed", "400", "404", "405", "413", "414", "431", "200"), f"{name}: {status}")
                if status not in said:
                    said.append(status)
            quiet_scrape(row, exporter, "afterwards")
        row.served = f"answers: {', '.join(sorted(said))}"


def vanishing(row, setting):
    """2,000 clients that vanish while they are served"""
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            for number in range(2000):
                client = connect(setting, exporter)
                client.sendall(REQUEST)
                if number % 3 == 1:
                    client.recv(100)
                # RST instead of FIN, in the middle of the answer.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            took = quiet_scrape(row, exporter, "afterwards")
        row.served = f"a quiet client's scrape afterwards {took * 1000:.0f} ms"


DRILLS = [concurrent, idle, slow_readers, trickling, slow_writers, oversized, vanishing, guessing]
