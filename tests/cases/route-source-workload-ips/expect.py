for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    c.must(not c.serious(), f"{flags}: {c.words}")
    c.must("routeSource" in "".join(c.report["cannot_see"]), "not said under what cannot be seen")
c.metrics(4.5)
c.must(c.get("calico_pod_cidrs_unjudged", ip_version="4") == [2.0], "unjudged")
c.must(not c.get("calico_pod_cidrs", ip_version="4"), "counts of what was not judged")
c.must(not c.get("calico_pod_cidr_route_present"), "verdicts")
c.must(c.get("calico_tunnel_routes", device="vxlan.calico", ip_version="4") == [6.0], "pod routes of the tunnel")
