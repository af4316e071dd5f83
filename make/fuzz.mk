# FUZZ_SECONDS is for each target; FUZZ="netlink accept" for these alone. What is found stays in fuzz/artifacts.
FUZZ_SECONDS ?= 60
FUZZ ?=
.PHONY: fuzz test-fuzz
fuzz: ## every parser under cargo-fuzz with the address sanitizer (FUZZ_SECONDS=60 for each)
	tests/tools/need g++
	fuzz/run $(FUZZ_SECONDS) $(FUZZ)
test-parts: test-fuzz
test-fuzz: ## is the fuzz targets' lock file up to date? Their checks run in test-rust, and make fuzz builds them
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
