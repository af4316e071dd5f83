for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    c.must(not c.serious(), f"{flags}: {c.words}")
    c.must("blockSize 32" in "".join(c.report["cannot_see"]), "not said under what cannot be seen")
c.metrics()
c.must(c.get("calico_pod_cidrs_unjudged", ip_version="4") == [4.0], "unjudged")
c.must(not c.get("calico_pod_cidrs", ip_version="4"), "counts of what was not judged")
