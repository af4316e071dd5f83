# Real ipip, vxlan and wireguard devices: a guest with Debian's kernel in software emulation.
.PHONY: guest-test guest-devices guest-paths guest-discovery
guest = EXPORTER=$(abspath $(BIN)) GUEST_OUT=target/$@ tests/guest/run
guest-test: build ## the exporter on real tunl0, wireguard.cali and vxlan.calico, in a guest
	$(guest)
# The same in three guests. The first has every scenario that the others do not name.
GUEST_PATHS := e_pod_paths f_pod_tunnels
GUEST_DISCOVERY := g_pod_discovery
test-parts: guest-devices # 130 s, after static
guest-devices: build ## routes and tunnels in a guest
	$(guest) but $(GUEST_PATHS) $(GUEST_DISCOVERY)
test-parts: guest-paths # 170 s, after static
guest-paths: build ## paths between pods in a guest
	$(guest) $(GUEST_PATHS)
test-parts: guest-discovery # 170 s, after static
guest-discovery: build ## probes that find each other by DNS in a guest
	$(guest) $(GUEST_DISCOVERY)
