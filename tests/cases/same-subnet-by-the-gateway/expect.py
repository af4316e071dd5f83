c.doctor(); c.metrics()
c.must(c.get("calico_routes", encapsulation="gateway", origin="bird", ip_version="4") == [2.0], "encapsulation")
found = c.findings.get("via-gateway", [{}])[0]
c.must("in a subnet of this node" in found.get("cause", ""), "cause: " + c.words)
c.must("CrossSubnet" not in c.words, "CrossSubnet is advised: " + c.words)
