# Speed and cost, measured beside others; nothing here is part of `make test`.
.PHONY: bench
bench: build ## a scrape beside a bare client, bird_exporter and node_exporter: target/bench/
	cargo build --release --locked --example meter
	tests/bench/run
