# `make demo` and `make test` do all their own set-up on a fresh Debian machine, as root. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check bench reference lock clean

help:
	@echo "make demo [APP=path]  boot a disposable machine, deploy the sample (or your) application to it over HTTPS"
	@echo "make test             all tests, those on real machines included (root on Linux)"
	@echo "make test-fast        the tests that need no machine"
	@echo "make check            ruff, mypy, generated documents, the tests that need no machine"
	@echo "make bench            measure against the floor; writes benchmarks/RESULTS.md"
	@echo "make reference        write group_data/all.py, docs/settings.md and docs/cli.md from the code"
	@echo "make lock             write the hashed requirements anew"
	@echo "make clean            end the lab and remove what was built"

$(READY): pyproject.toml requirements/dev.txt
	@echo "==> Python environment in $(VENV) (about half a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "==> installing python3-venv"; apt-get -q update >/dev/null && apt-get -q -y --no-install-recommends install python3-venv >/dev/null; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@$(BIN)/python -m homeport.lab.demo $(if $(APP),--app "$(APP)")

# Lab tests run two files at a time, since most of the time they wait for machines; the emulated machine runs alone, since
# it needs the processor.
test: $(READY)
	@$(BIN)/python -m homeport.lab.prepare
	@$(BIN)/pytest --ignore=tests/lab
	@$(BIN)/pytest tests/lab -n 2 --dist loadfile -m "not qemu"
	@$(BIN)/pytest tests/lab -m qemu

test-fast: $(READY)
	@$(BIN)/pytest -m "not lab"

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q -m "not lab"

bench: $(READY)
	@$(BIN)/python -m benchmarks

reference: $(READY)
	@$(BIN)/python -m homeport.reference

lock: $(READY)
	@$(BIN)/uv pip compile $(LOCK_FLAGS) --extra dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile $(LOCK_FLAGS) templates/tools/requirements.in -o templates/tools/requirements.txt
	@for example in examples/*/; do $(BIN)/uv pip compile $(LOCK_FLAGS) $$example/requirements.in -o $$example/requirements.txt; done

clean:
	@[ ! -x $(BIN)/homeport ] || $(BIN)/homeport lab down
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
