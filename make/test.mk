# Everything that CI runs. Areas add their own parts: a line `test-parts: test-AREA` in their fragment.
.PHONY: test test-parts test-fmt test-clippy test-doc test-shell test-rust
OWN_PARTS := test-fmt test-clippy test-doc test-shell test-rust

test: ## everything that CI runs, part by part, with a summary: 45 minutes
	@tests/tools/run-parts BIN=$(STATIC) $(OWN_PARTS) $$(tests/tools/run-parts --list)
test-parts: ## the parts that areas have added

test-fmt: ## formatting
	cargo fmt --check
test-clippy: ## lints, with and without the tls feature
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
test-doc: ## the documentation builds
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
test-shell: ## every shell script
	@tests/tools/need shellcheck
	tests/tools/check-scripts
test-rust: ## unit, golden, house and lab tests (root: they make network namespaces)
	tests/tools/rust-tests
