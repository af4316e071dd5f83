for flags in ((), ("--ip-pool", "192.168.0.0/16")):
    c.doctor(*flags)
    named = c.findings.get("foreign-blackhole", [{}])[0].get("title", "")
    c.must("192.168.1.0/26" in named, f"{flags}: the own block is not named: {c.words}")
