# Real ipip, vxlan and wireguard devices: a guest with Debian's kernel in software emulation.
.PHONY: guest-test
test-parts: guest-test
guest-test: build ## the exporter on real tunl0, wireguard.cali and vxlan.calico, in a guest
	EXPORTER=$(abspath $(BIN)) tests/guest/run
