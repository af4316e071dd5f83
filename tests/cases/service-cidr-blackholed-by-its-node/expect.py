for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    c.must(not c.serious(), f"{flags}: {c.words}")
c.metrics()
c.must(c.get("calico_foreign_blackholes", ip_version="4") == [0.0], "foreign blackholes")
