"""Drills on the control socket: a real BIRD that dies, hangs and restarts, and fakes that answer badly."""

import gzip
import itertools
import os
import signal
import time

from fake import Fake, Tap, mesh, protocols, recorded, usual
from ledger import MIB, Background, crowd, watched

TIMEOUT = 2.0
# A scrape may take the whole deadline and this much more (on a busy machine).
GRACE = 0.5


def gone(row, exporter, error, rounds=3):
    """Scrapes while BIRD does not answer: up 0 with this reason, no session series, the kernel's served, in time."""
    for _ in range(rounds):
        time.sleep(1.05)  # what was answered within a second is not asked again
        began = time.monotonic()
        scrape = exporter.scrape()
        took = time.monotonic() - began
        row.check(took <= TIMEOUT + GRACE, f"a scrape took {took:.2f} s")
    row.check(scrape.value("calico_bird_up") == 0, f"calico_bird_up is {scrape.value('calico_bird_up')}")
    row.check((scrape.value("calico_bird_query_errors_total", error=error) or 0) > 0, f"no error {error} counted")
    row.check(not scrape.series("calico_bgp_peers_state"), "session series stand though BIRD was not read")
    row.check(scrape.value("calico_kernel_up", source="routes") == 1, "the kernel's part is missing")
    return scrape, took


def back(row, exporter, bird):
    """After the drill everything is as before."""
    try:
        exporter.expect("calico_bird_up", 1, patience=10)
        exporter.eventually("sessions are back", lambda scrape: scrape.series("calico_bgp_peers_state"), patience=10)
    except AssertionError as error:
        row.check(False, str(error))


def killed_or_stopped(row, setting, how):
    bird = setting.bird
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, bird):
            if how == "killed":
                bird.kill()
            else:
                bird.stop()
            _, took = gone(row, exporter, "connect")
            row.served = f"up 0, error connect, kernel metrics; last scrape {took * 1000:.0f} ms"
            bird.start()
            back(row, exporter, bird)


def stopped(row, setting):
    """BIRD stopped: its socket is gone"""
    killed_or_stopped(row, setting, "stopped")


def killed(row, setting):
    """BIRD killed: its socket stays and refuses"""
    killed_or_stopped(row, setting, "killed")


def hung(row, setting):
    """BIRD hung (SIGSTOP) for 20 s"""
    bird = setting.bird
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, bird):
            os.kill(bird.pid, signal.SIGSTOP)
            try:
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    _, took = gone(row, exporter, "timeout", rounds=1)
            finally:
                os.kill(bird.pid, signal.SIGCONT)
            row.served = f"up 0, error timeout, kernel metrics; a scrape {took * 1000:.0f} ms"
            back(row, exporter, bird)


def restarted(row, setting):
    """BIRD restarted again and again under scrape"""
    bird, times = setting.bird, setting.times(200, quick=20)
    with setting.exporter() as exporter:
        exporter.scrape()
        with watched(row, exporter, bird), Background(exporter) as scraping:
            for number in range(times):
                if number % 2:
                    bird.kill()
                else:
                    bird.stop()
                time.sleep(0.02)
                bird.start()
                time.sleep(0.05)
        row.check(not scraping.failures, f"{len(scraping.failures)} scrapes failed: {scraping.failures[:1]}")
        row.served = f"{times} restarts, {scraping.answers} scrapes answered, slowest {scraping.slowest * 1000:.0f} ms"
        back(row, exporter, bird)


def directory(row, setting):
    """the socket replaced by a directory"""
    path = os.path.join(setting.directory, "moved.ctl")
    os.symlink(setting.bird.socket, path)
    with setting.exporter(sockets=[path]) as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            os.unlink(path)
            os.mkdir(path)
            _, took = gone(row, exporter, "connect")
            row.served = f"up 0, error connect, kernel metrics; a scrape {took * 1000:.0f} ms"
            os.rmdir(path)
            os.symlink(setting.bird.socket, path)
            back(row, exporter, setting.bird)
    os.unlink(path)


def with_fakes(row, setting, answer, count, rounds, error, said):
    """`count` fakes at once for `rounds` looks; each look must end in `error` for every one of them."""
    fake = Fake(setting.directory, answer, count)
    try:
        with setting.exporter(sockets=fake.paths) as exporter:
            began = time.monotonic()
            scrape = exporter.scrape()
            slowest = time.monotonic() - began
            with watched(row, exporter):
                for _ in range(rounds):
                    answer.next_round()
                    time.sleep(1.05)
                    began = time.monotonic()
                    scrape = exporter.scrape()
                    slowest = max(slowest, time.monotonic() - began)
                    row.check(scrape.total("calico_bird_up") == 0, f"{scrape.total('calico_bird_up')} of {count} are up")
                    row.check(not scrape.series("calico_bgp_peers_state"), "session series of a broken answer")
            found = scrape.total("calico_bird_query_errors_total", error=error)
            row.check(found >= count * rounds, f"{found} errors {error}, not {count * rounds}")
            row.check(slowest < TIMEOUT + GRACE + 1, f"a scrape took {slowest:.1f} s")
            row.served = said.format(looks=count * rounds, slowest=slowest * 1000)
    finally:
        fake.close()


class CutAt:
    """Sends a whole session's bytes up to one place, another for each fake and round, then closes. Never the last byte."""

    def __init__(self, count):
        self.count, self.start = count, -count
        self.whole = recorded()
        self.places = sum(len(part) for part in self.whole.values())

    def next_round(self):
        self.start += self.count

    def __call__(self, index, command, client):
        before = 0
        for name, part in self.whole.items():
            if name == command:
                break
            before += len(part)
        left = min(self.start + index, self.places - 1) - before
        part = self.whole.get(command, b"")
        client.sendall(part[:max(0, left)])
        return left >= len(part)


def cut(row, setting):
    """a real answer cut at every byte"""
    count = 96
    answer = CutAt(count)
    rounds = -(-answer.places // count)
    with_fakes(row, setting, answer, count, rounds, "closed",
               f"{answer.places} places, {{looks}} cuts, each error closed; slowest scrape {{slowest:.0f}} ms")


class Fixed:
    """The same misbehaviour every time."""

    def __init__(self, show):
        self.show = show

    def next_round(self):
        pass

    def __call__(self, _index, command, client):
        if command == "show protocols all":
            return self.show(client)
        client.sendall(usual(command))
        return True


def refused(row, setting):
    """refused commands (8007, 9001)"""
    texts = itertools.cycle([b"8007 Access denied\n", b"9001 syntax error\n", b"8003 No protocols match\n"])

    def show(client):
        client.sendall(next(texts))
    with_fakes(row, setting, Fixed(show), 4, 3, "refused", "{looks} refusals, each error refused; slowest scrape {slowest:.0f} ms")


def garbage(row, setting):
    """garbage instead of an answer"""
    def show(client):
        client.sendall(os.urandom(20000) + b"\n" + b"hello\n" * 500)
        return False
    with_fakes(row, setting, Fixed(show), 4, 3, "malformed", "{looks} answers of noise, error malformed; slowest scrape {slowest:.0f} ms")


def endless(row, setting):
    """an endless answer"""
    line = protocols(3)[protocols(3).index(b"1002-"):protocols(3).index(b"1006-")]
    def show(client):
        client.sendall(b"2002-name     proto    table    state  since       info\n")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            client.sendall(line * 500)
    fake = Fake(setting.directory, Fixed(show))
    try:
        with setting.exporter(sockets=fake.paths) as exporter:
            with watched(row, exporter):
                for _ in range(3):
                    began = time.monotonic()
                    scrape = exporter.scrape()
                    took = time.monotonic() - began
                    row.check(took <= TIMEOUT + GRACE, f"a scrape took {took:.2f} s")
                    time.sleep(1.05)
            errors = [labels["error"] for labels, value in scrape.series("calico_bird_query_errors_total") if value]
            row.check(scrape.value("calico_bird_up") == 0 and errors in (["too_large"], ["timeout"]), f"errors: {errors}")
            row.served = f"up 0, error {'/'.join(errors)}; a scrape {took * 1000:.0f} ms"
    finally:
        fake.close()


# What 20,000 sessions may take, and the page for people with them.
MANY_SESSIONS_MEMORY = 48 * MIB
MANY_SESSIONS_PAGE = 300_000


def many_sessions(row, setting):
    """20,000 sessions, every series of each"""
    count = setting.times(20000, quick=2000)
    answer = mesh(count)
    fake = Fake(setting.directory, Fixed(lambda client: client.sendall(answer)))
    try:
        with setting.exporter("--bird.timeout", "10s", sockets=fake.paths) as exporter:
            slowest, sizes = 0.0, {}
            with watched(row, exporter, bound=MANY_SESSIONS_MEMORY):
                for form, headers in [("text", {}), ("gzip", {"Accept-Encoding": "gzip"}),
                                      ("OpenMetrics", {"Accept": "application/openmetrics-text;version=1.0.0"})] * 2:
                    time.sleep(1.05)
                    began = time.monotonic()
                    status, body = exporter.get(headers=headers, timeout=30)
                    slowest = max(slowest, time.monotonic() - began)
                    sizes[form] = len(body)
                    text = gzip.decompress(body) if form == "gzip" else body
                    up = sum(1 for line in text.splitlines() if line.startswith(b"calico_bgp_peers_state{") and line.endswith(b" 1"))
                    row.check(status == 200 and up == count, f"{form}: status {status}, {up} sessions with a state")
                page = exporter.get("/", timeout=30)[1]
            row.check(len(page) <= MANY_SESSIONS_PAGE, f"the page for people has {len(page)} bytes")
            said = ", ".join(f"{form} {size / 1e6:.1f} MB" for form, size in sizes.items())
            row.served = f"{count} sessions: {said}; page {len(page) / 1000:.0f} kB; slowest scrape {slowest * 1000:.0f} ms"
    finally:
        fake.close()


def split(row, setting):
    """the final line split over chunks of 4080 to 4112"""
    final = b"0000 \n"
    chunks = list(range(4080, 4113))
    turn = [1]

    def answer(index, command, client):
        if command != "show protocols all":
            client.sendall(usual(command))
            return True
        # One to five bytes of the final line are in the second chunk.
        whole = protocols(index, chunks[index] + turn[0])
        client.sendall(whole[:chunks[index]])
        time.sleep(0.02)
        client.sendall(whole[chunks[index]:])
        return True
    fake = Fake(setting.directory, answer, len(chunks))
    try:
        with setting.exporter(sockets=fake.paths) as exporter, watched(row, exporter):
            for turn[0] in range(1, len(final)):
                time.sleep(1.05)
                scrape = exporter.scrape()
                row.check(scrape.total("calico_bird_up") == len(chunks), f"{scrape.total('calico_bird_up')} of {len(chunks)} are up")
                row.check(len(scrape.series("calico_bgp_peers_state", state="up")) == len(chunks), "sessions are missing")
            row.served = f"{len(chunks)} sizes, {turn[0]} splits of each: every daemon up, no session lost"
    finally:
        fake.close()


def one_query_in_flight(row, setting):
    """100 scrapers for ten seconds: what BIRD sees of it"""
    tap = Tap(os.path.join(setting.directory, "tap.ctl"), setting.bird.socket)
    try:
        with setting.exporter("--refresh-interval", "1s", sockets=[tap.path]) as exporter:
            exporter.scrape()
            with watched(row, exporter, setting.bird, settle=2, spare=3):
                seen = crowd(exporter, 100, 10)
            row.check(not seen["failed"], f"{seen['failed']} scrapes failed: {seen['failures']}")
            row.check(tap.most <= 1, f"{tap.most} queries at once")
            row.check(tap.busiest_second() <= 2, f"{tap.busiest_second()} looks within one second")
            allowed = {"restrict", "show status", "show protocols all", "show route all"}
            other = {command for command in tap.commands if command not in allowed and not command.startswith("show route")}
            row.check(not other, f"other commands reached BIRD: {sorted(other)}")
            row.served = (f"{seen['answers']} scrapes, slowest {seen['slowest'] * 1000:.0f} ms; BIRD saw {len(tap.began)} looks, "
                          f"at most {tap.busiest_second()} a second, {tap.most} query at a time")
    finally:
        tap.close()


DRILLS = [stopped, killed, hung, restarted, directory, cut, split, refused, garbage, endless, one_query_in_flight, many_sessions]
