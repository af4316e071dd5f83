# Speed and cost, measured beside others; nothing here is part of `make test`.
.PHONY: bench bench-instructions bench-criterion
bench: build ## a scrape beside a bare client, bird_exporter and node_exporter: target/bench/
	cargo build --release --locked --example meter
	tests/bench/run

bench-instructions: ## instruction counts of parser and encoder against their baseline (callgrind)
	cargo build --release --locked --example instructions
	tests/bench/instructions

bench-criterion: ## parser and encoder under criterion
	cargo bench --locked --bench look
