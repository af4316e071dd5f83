c.doctor(); c.metrics(4.5)
c.must(c.get("calico_pod_cidr_route_fallthrough", cidr="192.168.3.0/26", via="foreign") == [1.0], "not absent")
c.must(c.get("calico_bird_kernel_rejected_routes", ip_version="4") == [1.0], "rejected routes")
c.must("192.168.3.0/26" in c.words, c.words)
