# Every target installs what it needs into .venv first: Python 3.11, make and the package index are enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help install demo run test lint bench soak prove conformance lock clean

help:  ## What there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/ready  ## Make .venv with the product and the development tools

.venv/ready: requirements.lock pyproject.toml
	@if command -v uv >/dev/null; then \
	  uv venv -q --allow-existing --python "$(PYTHON)" .venv && uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock \
	  && uv pip install -q --python $(BIN)/python --no-deps -e . ; \
	else \
	  "$(PYTHON)" -m venv .venv && $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock \
	  && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e . ; \
	fi
	@touch $@

demo: install  ## The main job on the simulator: no account, no network
	$(BIN)/ampost-mcp demo

run: install  ## The server, with its data in ./ampost-data
	$(BIN)/ampost-mcp serve

test: install  ## All tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: install  ## Format, lint and types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

bench: install  ## Speed, beside a baseline in the same run
	$(BIN)/python -m tests.bench

soak: install  ## A steady load for 20 minutes: memory, file handles and the database's log must not grow
	$(BIN)/python -m tests.soak

prove: install  ## The crash matrix: kills, lost answers, clocks; counts duplicates and losses
	$(BIN)/python -m tests.prove

conformance: install  ## The official MCP suites, the TypeScript client and the Inspector; needs npm, fetches Node 22
	$(BIN)/python -m tests.conformance

lock: install  ## Resolve requirements.lock anew from pyproject.toml
	$(BIN)/python -m pip install -q uv && $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --all-extras --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean:  ## Remove .venv and caches
	rm -rf .venv .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis
