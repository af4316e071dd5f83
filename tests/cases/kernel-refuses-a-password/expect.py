c.doctor(); c.metrics()
c.must(c.labels("calico_bgp_peer_down_reason", reason="listen_failed"), "reason")
c.none_of("port-179-taken")
found = c.findings.get("password-refused", [{}])[0]
c.must(found.get("severity") == "critical" and "optmem_max" in found["cause"], "the password is not named: " + c.words)
c.must("another program" not in c.words.lower(), "another program is accused: " + c.words)
