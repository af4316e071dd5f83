# FUZZ_SECONDS is for each target; FUZZ="netlink accept" for these alone. What is found stays in fuzz/artifacts.
FUZZ_SECONDS ?= 60
FUZZ ?=
.PHONY: fuzz test-fuzz
fuzz: ## every parser under cargo-fuzz with the address sanitizer (FUZZ_SECONDS=60 for each)
	tests/tools/need g++
	fuzz/run $(FUZZ_SECONDS) $(FUZZ)
test-parts: test-fuzz # 30 s, cargo, computes
test-fuzz: ## can the fuzz targets be built? Their checks run in test-rust
	cargo check --locked --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target
