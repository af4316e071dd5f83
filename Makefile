# Every target installs what it lacks (Debian or Ubuntu, as root). The parts live in make/*.mk.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := target/release/calico-bgp-exporter

include $(sort $(wildcard make/*.mk))

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):[^#]*## /  \1\t/' | expand -t 24

.PHONY: clean
clean: ## remove everything that was built, downloaded tools too: target/
	rm -rf target fuzz/target

.PHONY: build
build: $(BIN) ## the release binary
.PHONY: target/release/calico-bgp-exporter
target/release/calico-bgp-exporter:
	cargo build --release --locked
