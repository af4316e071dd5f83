"""A daemon that answers as badly as it is told to, and a tap between the exporter and a real BIRD."""

import contextlib
import os
import pathlib
import selectors
import socket
import threading
import time

BANNER = b"0001 BIRD 1.6.8 ready.\n"
RESTRICTED = b"0016 Access restricted\n"
STATUS = (b"1000-BIRD 1.6.8\n1011-Router ID is 10.99.0.1\n Current server time is 2026-11-21 12:00:00\n"
          b" Last reboot on 2026-11-21 11:00:00\n Last reconfiguration on 2026-11-21 11:00:00\n0013 Daemon is up and running\n")


def protocols(number, length=0):
    """`show protocols all` with one session of its own, made `length` bytes long by its description."""
    head = ("2002-name     proto    table    state  since       info\n"
            f"1002-Mesh_10_97_{number // 200}_{1 + number % 200} BGP      master   up     11:00:01    Established   \n"
            "1006-  Description:    ")
    tail = ("\n   Preference:     100\n   Input filter:   ACCEPT\n   Output filter:  (unnamed)\n"
            "   Routes:         1 imported, 1 exported, 1 preferred\n   BGP state:          Established\n"
            f"     Neighbor address: 10.97.{number // 200}.{1 + number % 200}\n     Neighbor AS:      64512\n     Neighbor ID:      10.97.0.1\n"
            "     Session:          internal multihop AS4\n     Source address:   10.99.0.1\n \n0000 \n")
    return (head + "x" * max(0, length - len(head) - len(tail)) + tail).encode()


def recorded(scenario="mesh-healthy"):
    """What Calico's own BIRD said, by command; `None`: its greeting."""
    folder = pathlib.Path(__file__).resolve().parent.parent / "captures" / "calico-fork-bird" / scenario
    said = {command: (folder / f"{command.replace(' ', '_')}.txt").read_bytes().split(b"\n", 1)
            for command in ("show status", "show protocols all")}
    return {None: said["show status"][0] + b"\n", "restrict": RESTRICTED, **{command: answer for command, (_, answer) in said.items()}}


def mesh(count):
    """`show protocols all` with that many sessions, each as Calico's own BIRD showed one."""
    show = recorded()["show protocols all"].decode()
    begin = show.index("1002-Mesh_")
    session = show[begin:show.index("\n \n", begin) + 3]
    name = session[5:session.index(" ")]
    address = name.removeprefix("Mesh_").replace("_", ".")
    sessions = []
    for number in range(count):
        other = f"10.{100 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
        sessions.append(session.replace(name, "Mesh_" + other.replace(".", "_")).replace(address, other))
    return ("2002-name     proto    table    state  since       info\n" + "".join(sessions) + "0000 \n").encode()


class Fake:
    """One or many sockets in one thread. `answer(index, command, client)` sends what it likes, on a blocking client."""

    def __init__(self, directory, answer, count=1):
        self.paths = [os.path.join(directory, f"fake{index}.ctl") for index in range(count)]
        self._answer, self._ended = answer, False
        self.queries = 0
        self._selector = selectors.DefaultSelector()
        for index, path in enumerate(self.paths):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(path)
            listener.listen(64)
            self._selector.register(listener, selectors.EVENT_READ, index)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while not self._ended:
            for key, _ in self._selector.select(0.2):
                client, _ = key.fileobj.accept()
                threading.Thread(target=self._serve, args=(key.data, client), daemon=True).start()

    def _serve(self, index, client):
        with client, contextlib.suppress(OSError):
            client.settimeout(30)
            if self._answer(index, None, client) is False:
                return
            reader = client.makefile("rb")
            while True:
                command = reader.readline()
                if not command:
                    return
                self.queries += 1
                if self._answer(index, command.decode().strip(), client) is False:
                    return

    def close(self):
        self._ended = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()


def usual(command, show=b"0000 \n"):
    """What a BIRD in good health says to each command; `show` to `show protocols all`."""
    if command is None:
        return BANNER
    return {"restrict": RESTRICTED, "show status": STATUS, "show protocols all": show}.get(command, b"0000 \n")


class Tap:
    """Stands before a BIRD and remembers: every command, how many were unanswered at once, and when each look began."""

    def __init__(self, path, upstream):
        self.path, self.upstream = path, upstream
        self.commands, self.began, self.most = [], [], 0
        self._unanswered, self._ended, self._lock = 0, False, threading.Lock()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(64)
        self._listener.settimeout(0.2)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        """The greeting, then command for command with its whole answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bird, client, contextlib.suppress(OSError):
            bird.connect(self.upstream)
            answers, commands = bird.makefile("rb"), client.makefile("rb")
            client.sendall(answers.readline())
            while command := commands.readline().decode().strip():
                with self._lock:
                    self.commands.append(command)
                    self._unanswered += 1
                    self.most = max(self.most, self._unanswered)
                    if command == "show protocols all":
                        self.began.append(time.monotonic())
                bird.sendall(command.encode() + b"\n")
                answer = []
                while not answer or not answer[-1][:4].isdigit() or answer[-1][4:5] != b" ":
                    answer.append(answers.readline())
                with self._lock:
                    self._unanswered -= 1
                client.sendall(b"".join(answer))

    def busiest_second(self):
        """The most looks that began within one second."""
        return max((sum(1 for other in self.began if 0 <= other - one < 1) for one in self.began), default=0)

    def close(self):
        self._ended = True
        self._thread.join()
        self._listener.close()
