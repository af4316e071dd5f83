for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    c.must(not c.serious(), f"{flags}: {c.words}")
c.args += ["--ip-pool", "192.168.0.0/16"]; c.metrics()
c.must(c.get("calico_foreign_blackholes", ip_version="4") == [0.0], "foreign blackholes")
c.must(c.get("calico_pod_cidrs", ip_version="4", present="false") == [0.0], "absent CIDRs")
