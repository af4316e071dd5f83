"""Drills on netlink: bursts of routes and devices that no listener can follow."""

import collections
import os
import re
import signal
import subprocess
import threading
import time

from ledger import Background, watched
from stage.netns import Namespace


def routes(count, via="10.98.1.1"):
    return "\n".join(f"route add 172.{16 + n // 65536}.{n // 256 % 256}.{n % 256}/32 via {via} proto bird" for n in range(count))


def node():
    namespace = Namespace("gu-dk")
    namespace.ip("link add eth0 type veth peer name eth1\nlink set eth0 up\nlink set eth1 up\naddr add 10.98.0.1/16 dev eth0")
    return namespace


def truth(namespace):
    return namespace.run("ip", "route", "show", "proto", "bird").count("\n")


def burst(row, setting):
    """a burst of 100,000 routes"""
    count, namespace = setting.times(100000, quick=20000), node()
    try:
        with setting.exporter("--ip-pool", "172.16.0.0/12", sockets=["none"], namespace=namespace) as exporter:
            exporter.scrape()
            with watched(row, exporter), Background(exporter) as scraping:
                began = time.monotonic()
                namespace.ip(routes(count))
                added = time.monotonic() - began
                scrape = exporter.expect("calico_kernel_bird_routes", count, ip_version="4", patience=30)
                namespace.ip("link set eth0 down")  # the kernel drops them all, and says nothing
                scrape = exporter.expect("calico_kernel_bird_routes", truth(namespace), ip_version="4", patience=30)
            row.check(not scraping.failures, f"{len(scraping.failures)} scrapes failed: {scraping.failures[:1]}")
            row.check(scrape.value("calico_kernel_bird_routes", ip_version="4") == 0, "routes of a device that is down")
            overruns = scrape.value("calico_bgp_exporter_netlink_overruns_total")
            row.served = (f"{count} routes added in {added:.1f} s and dropped at once; {scraping.answers} scrapes, slowest "
                          f"{scraping.slowest * 1000:.0f} ms; {overruns:.0f} overruns; counts end right")
    finally:
        namespace.remove()


def overrun(row, setting):
    """100,000 routes while it does not listen"""
    count, namespace = setting.times(100000, quick=20000), node()
    cidrs = [f"172.30.0.{n}/32" for n in range(60)]
    standing, lost, new = cidrs[:20], cidrs[20:40], cidrs[40:]
    path = os.path.join(setting.directory, "overrun.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"- cidr: {cidr}\n" for cidr in cidrs)

    def absent(scrape):
        return {labels["cidr"] for labels, value in scrape.series("calico_pod_cidr_route_present") if not value}

    try:
        namespace.ip("\n".join(f"route add {cidr} via 10.98.1.1 proto 80" for cidr in standing + lost))
        with setting.exporter("--ip-pool", "172.16.0.0/12", "--pod-cidr-file", path, sockets=["none"], namespace=namespace) as exporter:
            exporter.eventually("the new ones are absent", lambda scrape: absent(scrape) == set(new))
            with watched(row, exporter):
                os.kill(exporter.pid, signal.SIGSTOP)
                try:
                    # The storm fills its buffer; what is changed after it is never notified.
                    namespace.ip(routes(count))
                    namespace.ip("\n".join([f"route del {cidr}" for cidr in lost] + [f"route add {cidr} via 10.98.1.1 proto 80" for cidr in new]))
                finally:
                    os.kill(exporter.pid, signal.SIGCONT)
                scrape = exporter.scrape()
                row.check(scrape.value("calico_kernel_bird_routes", ip_version="4") == count, "the first scrape counts wrong")
                row.check(scrape.value("calico_kernel_up", source="routes") == 1, "the routes could not be read")
                row.check(absent(scrape) <= set(lost), f"the first scrape has absent what stands: {sorted(absent(scrape))[:3]}")
                exporter.eventually("the lost ones alone are absent", lambda scrape: absent(scrape) == set(lost))
            overruns = scrape.value("calico_bgp_exporter_netlink_overruns_total")
            row.check(overruns > 0, "no overrun counted")
            row.served = f"{overruns:.0f} overrun{'s' if overruns != 1 else ''} counted; the first scrape after it is right, pod CIDRs too"
    finally:
        namespace.remove()


def devices(row, setting):
    """10,000 devices added and removed"""
    count, namespace = setting.times(10000, quick=1000), node()
    try:
        with setting.exporter(sockets=["none"], namespace=namespace) as exporter:
            exporter.scrape()
            with watched(row, exporter), Background(exporter) as scraping:
                for begin in range(0, count, 500):
                    namespace.ip("\n".join(f"link add t{n} type veth peer name u{n}"
                                           for n in range(begin // 2, begin // 2 + 250)))
                    namespace.ip("\n".join(f"link del t{n}" for n in range(begin // 2, begin // 2 + 250)))
            row.check(not scraping.failures, f"{len(scraping.failures)} scrapes failed: {scraping.failures[:1]}")
            scrape = exporter.scrape()
            row.check(scrape.value("calico_kernel_up", source="links") == 1, "the devices could not be read")
            row.served = f"{scraping.answers} scrapes, slowest {scraping.slowest * 1000:.0f} ms"
    finally:
        namespace.remove()


# Whatever a device's name may begin with: the kernel forbids only '/', ':' and white space.
ODD = [b'"', b"\\", b"\\n", b"{", b'a="b",', "é".encode(), "한".encode(), b"\x01", b"\xff", b"\xfe", b"\xf0\x9f", b"cali", b"tunl0", b"lo", b"-"]
SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="([^"\\\n]|\\[\\"n])*"(,[a-z_]+="([^"\\\n]|\\[\\"n])*")*\})? [0-9.e+-]+')


def odd_names(row, setting):
    """5,000 devices of odd names, a route through each"""
    count, namespace = setting.times(5000, quick=500), node()
    names = [ODD[n % len(ODD)] + b"%d" % (n // len(ODD)) for n in range(count)]
    address = [f"172.16.{n // 256}.{n % 256}" for n in range(count)]
    judged = range(0, count, 14)  # pod CIDRs, behind names of every kind

    def batch(form, numbers):
        lines = b"\n".join(form(n) for n in numbers)
        subprocess.run(["ip", "-n", namespace.name, "-batch", "-"], input=lines, check=True, capture_output=True)

    def check(exporter, gone):
        """The routes through the devices `gone` are gone, and everything else is said of the device that it is true of."""
        left = [n for n in judged if n not in gone]
        exporter.expect("calico_kernel_bird_routes", count - len(gone), ip_version="4", patience=30)
        scrape = exporter.expect("calico_pod_cidrs", len(judged) - len(left), ip_version="4", present="false", patience=30)
        samples = [line for line in scrape.text.splitlines() if not line.startswith("#")]
        broken = [line for line in samples if not SAMPLE.fullmatch(line)]
        row.check(not broken, f"{len(broken)} lines are no samples: {broken[:2]}")
        twice = [series for series, times in collections.Counter(line.rsplit(" ", 1)[0] for line in samples).items() if times > 1]
        row.check(not twice, f"{len(twice)} series are there twice: {twice[:2]}")
        present = {labels["cidr"] for labels, value in scrape.series("calico_pod_cidr_route_present") if value}
        row.check(present == {f"{address[n]}/32" for n in left}, f"{len(present)} pod CIDRs are present, not {len(left)}")
        said = {labels["cidr"]: re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), labels["device"])
                for labels, _ in scrape.series("calico_pod_cidr_route_info")}
        wrong = [(address[n], said.get(f"{address[n]}/32"), names[n]) for n in left
                 if said.get(f"{address[n]}/32") != names[n].replace(b"\\", b"\\\\").decode(errors="backslashreplace")]
        row.check(not wrong, f"{len(wrong)} routes have another device: {wrong[:2]}")
        return scrape

    try:
        # One in fifty is a tunnel, which has series of its own; the others are the two ends of a cable.
        tunnels = [n for n in range(count) if n // len(ODD) % 50 == 0]
        others = [n for n in range(count) if n // len(ODD) % 50]
        pairs = list(zip(others[::2], others[1::2]))
        tunnels += others[len(pairs) * 2:]
        batch(lambda n: b"link add name '%s' type vxlan id %d dstport 4789" % (names[n], n + 1), tunnels)
        batch(lambda pair: b"link add name '%s' type veth peer name '%s'" % (names[pair[0]], names[pair[1]]), pairs)
        batch(lambda n: b"link set dev '%s' up" % names[n], range(count))
        batch(lambda n: b"route add %s dev '%s' proto bird" % (address[n].encode(), names[n]), range(count))
        path = os.path.join(setting.directory, "odd.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"- cidr: {address[n]}/32\n" for n in judged)
        with setting.exporter("--pod-cidr-file", path, sockets=["none"], namespace=namespace) as exporter:
            with watched(row, exporter), Background(exporter, pause=0.5) as scraping:
                tunnel_series = len(check(exporter, set()).series("calico_tunnel_up"))
                gone = {*tunnels[::2], *(n for pair in pairs[::2] for n in pair)}
                batch(lambda n: b"link set dev '%s' down" % names[n], sorted(gone))  # the kernel drops their routes, and says nothing
                check(exporter, gone)
            row.check(not scraping.failures, f"{len(scraping.failures)} scrapes failed: {scraping.failures[:1]}")
            row.served = (f"{count} names, {tunnel_series} of tunnels; {len(judged)} pod CIDRs, each with its device; {len(gone)} devices "
                          f"down: theirs alone are absent; {scraping.answers} scrapes, slowest {scraping.slowest * 1000:.0f} ms")
    finally:
        namespace.remove()


def large_table(row, setting):
    """a table of 100,000 routes"""
    count, namespace = setting.times(100000, quick=20000), node()
    try:
        namespace.ip(routes(count))
        with setting.exporter("--ip-pool", "172.16.0.0/12", sockets=["none"], namespace=namespace) as exporter:
            with watched(row, exporter):
                slowest = 0.0
                for _ in range(5):
                    began = time.monotonic()
                    scrape = exporter.scrape()
                    slowest = max(slowest, time.monotonic() - began)
                    row.check(scrape.value("calico_kernel_bird_routes", ip_version="4") == count, "the count is wrong")
                    time.sleep(1.05)
            row.served = f"slowest scrape {slowest * 1000:.0f} ms, {scrape.count()} series"
    finally:
        namespace.remove()


def churn(row, setting):
    """50,000 changes while it is scraped"""
    times, namespace = setting.times(50, quick=5), node()
    try:
        with setting.exporter("--ip-pool", "172.16.0.0/12", sockets=["none"], namespace=namespace) as exporter:
            exporter.scrape()
            with watched(row, exporter), Background(exporter) as scraping:
                def change():
                    for turn in range(times):
                        namespace.ip(routes(1000).replace("route add", "route replace"))
                        if turn + 1 < times:
                            namespace.ip("\n".join(f"route del 172.16.{n // 256}.{n % 256}/32" for n in range(0, 1000, 2)))
                worker = threading.Thread(target=change)
                worker.start()
                worker.join()
                scrape = exporter.expect("calico_kernel_bird_routes", truth(namespace), ip_version="4")
            row.check(not scraping.failures, f"{len(scraping.failures)} scrapes failed: {scraping.failures[:1]}")
            changes = scrape.total("calico_route_changes_total", ip_version="4")
            row.served = f"{scraping.answers} scrapes, slowest {scraping.slowest * 1000:.0f} ms; {changes:.0f} changes counted; ends equal to ip route"
    finally:
        namespace.remove()


DRILLS = [burst, overrun, large_table, churn, devices, odd_names]
