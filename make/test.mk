# Everything that CI runs. Areas add their own parts: a line `test-parts: test-AREA` in their fragment (tests/tools/run-parts).
.PHONY: test test-parts test-tools test-build test-fmt test-clippy test-doc test-shell test-rust
test: ## everything that CI runs, with a summary: 13 to 22 minutes
	@tests/tools/run-parts BIN=$(STATIC)
# Parts that install side by side would meet at apt's locks.
test-tools: chart-tools ## install what the parts need, before they start
	tests/tools/need $$($(MAKE) --no-print-directory -n test-parts | sed -nE 's/^tests.tools.need //p') \
	  $$(sed -nE 's/^tests.tools.need //p' tests/guest/run tests/lab/demo packaging/image)
	tests/tools/bird 1 >/dev/null
	tests/tools/bird 2 >/dev/null
	tests/guest/kernel target/tools/guest-kernel >/dev/null
	tests/tools/prometheus-newer >/dev/null

# Examples among the targets: their dependencies have the features that those of the tests have, and are not checked once more.
SAME := --lib --examples
test-parts: static # 240 s
test-parts: test-build # 180 s, cargo, computes
test-build: ## build the Rust tests and examples
	cargo test --locked --no-run
test-parts: test-rust # 200 s, after test-build
test-rust: ## unit, golden, house and lab tests (root: they make network namespaces)
	tests/tools/rust-tests
test-parts: test-clippy # 150 s, cargo, computes
test-clippy: ## lints, with and without the tls feature
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --no-default-features --bins $(SAME) -- -D warnings
test-parts: test-doc # 25 s, cargo, computes
test-doc: ## the documentation builds, and its examples are right
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps $(SAME)
	cargo test --locked --doc -q
test-parts: test-fmt
test-fmt: ## formatting
	cargo fmt --check
test-parts: test-shell # 10 s, computes
test-shell: ## every shell script
	@tests/tools/need shellcheck
	tests/tools/check-scripts
