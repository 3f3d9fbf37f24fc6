# Bluegate. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Python packages that tests and checks run live here, not on the machine.
TOOLS := $(CURDIR)/target/tools
export BLUEGATE_TEST_PYTHON := $(TOOLS)/bin/python
export PATH := $(PATH):$(TOOLS)/bin

# Options for `make demo`, such as `make demo ARGS="--nodes 5 --tls"`.
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## A whole cluster with simulated nodes on this machine (ARGS="--nodes 5")
	@scripts/setup.sh build
	@cargo build --quiet --locked -p bluegate
	@exec target/debug/bluegate demo $(ARGS)

.PHONY: test
test: ## Every test, the ones in a real browser included
	@scripts/setup.sh build test
	cargo test --locked --workspace --doc --quiet
	cargo nextest run --locked --workspace

.PHONY: bench-proxy
bench-proxy: ## The proxy beside nginx, HAProxy and Caddy (ARGS=--quick)
	@scripts/setup.sh build bench
	cargo build --locked --release --quiet -p bluegate -p bluegate-load
	bench/proxy.py $(ARGS)

.PHONY: bench-recordings
bench-recordings: ## What getRecordings costs over 20,000 recordings
	@scripts/setup.sh build
	cargo run --locked --release --quiet -p bluegate-scaler --example recordings

.PHONY: bench-scaler
bench-scaler: ## The scaler: joins beside nginx, creates, lists, memory (ARGS=--quick)
	@scripts/setup.sh build bench-scaler
	cargo build --locked --release --quiet -p bluegate -p bluegate-load
	bench/scaler.py $(ARGS)

.PHONY: check
check: format lint docs deny ## What CI checks besides the tests

.PHONY: format
format: ## Fail when a file is not formatted
	cargo fmt --all --check

.PHONY: lint
lint: ## Clippy, warnings denied
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

.PHONY: docs
docs: ## Build the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items --quiet

.PHONY: deny
deny: ## Licences, bans and sources of all dependencies
	@scripts/setup.sh check
	cargo fetch --locked --quiet
	cargo-deny --locked --offline --log-level warn check licenses bans sources

.PHONY: clean
clean: ## Remove what was built
	cargo clean
