for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    c.must(not c.serious(), f"{flags}: {c.words}")
c.metrics()
c.must(c.get("calico_bird_kernel_rejected_routes", ip_version="4") == [0.0], "rejected routes")
c.must(c.get("calico_pod_cidrs", ip_version="4", present="true") == [2.0], "present CIDRs")
