# `make demo` and `make test` do all their own set-up on a fresh Debian machine, and say in one line what a user without
# root has to have installed. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

# What would have every program that the tests start compile homeport anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-lab images test-units test-hosts test-commands test-source test-examples test-fast test-changed test-kill check bench soak reference docs lock clean

help:
	@echo "make demo [APP=path]  boot a disposable machine, deploy the sample (or your) application to it over HTTPS"
	@echo "make test             the tests, those on real machines included, as far as this computer allows machines"
	@echo "make test-all         the same with everything that 'make test' takes a sample of, every point of test-kill included"
	@echo "make test-fast        the tests that need no machine"
	@echo "make test-changed     the tests that what differs from main can reach, by imports and by names of files"
	@echo "make test-kill        kill a deploy and the host program at every point, and release, reload and change every setting under load (make test: a few)"
	@echo "make check            ruff, mypy, generated documents, the tests that need no machine"
	@echo "make bench            measure against the floor and the peers; writes benchmarks/RESULTS.md (ONLY=parts: some of it)"
	@echo "make soak MINUTES=10  random faults against a machine under load, and a check of all that its clients saw (SEED=number, FAULTS=kinds, BACKEND=qemu)"
	@echo "make reference        write group_data/all.py, docs/settings.md, docs/cli.md and the tables of docs/choosing.md from the code"
	@echo "make docs             build the documentation's site into site/, its links checked"
	@echo "make lock             write the hashed requirements anew"
	@echo "make clean            end the lab and remove what was built"

# $(1) is what for: demo, test or python. Before anything is set up it says what this computer allows, and what is missing.
define made_ready
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -B -m homeport.lab.ready $(1)
endef

$(READY): pyproject.toml requirements/pip.txt requirements/dev.txt
	$(call made_ready,python)
	@echo "==> Python environment in $(VENV) (about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements/pip.txt
	@$(BIN)/pip install -qq --no-compile --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

demo:
	$(call made_ready,demo)
	@$(MAKE) --no-print-directory $(READY)
	@$(BIN)/python -m homeport.lab.demo $(if $(APP),--app "$(APP)")

# The machines' images are made, which is mostly waiting for downloads, beside the tests that need no machine: these run
# as several programs, since one alone waits for a third of its time (pytest-xdist's workers do not bear pyinfra's gevent).
test:
	$(call made_ready,test)
	@$(MAKE) --no-print-directory $(READY)
	@$(MAKE) --no-print-directory -j5 images test-commands test-source test-hosts test-units test-examples
	@$(MAKE) --no-print-directory test-lab

# Lab tests run four at a time, since much of the time they wait for machines. The emulated machine is with one of the
# four from the beginning: alone it would leave half of the processors idle, and have all others wait.
# Where that is the only kind of machine, one test runs at a time, and the run says what was left out.
ON_MACHINES := tests/lab tests/docs/test_runbook.py tests/docs/test_first_steps.py
test-lab: $(READY)
	@together=; if [ "$$($(BIN)/python -m homeport.lab.ready way)" = nspawn ]; then \
		together="-n 4 --dist loadfile --no-loadscope-reorder"; \
	fi; \
	$(BIN)/pytest $(ON_MACHINES) $$together

# What `make test` takes a sample of, whole.
test-all:
	@HOMEPORT_TESTS=all $(MAKE) --no-print-directory test

COMMANDS := tests/cli
SOURCE := tests/source tests/test_guard.py
HOSTS := tests/facts tests/host tests/operations tests/removal

# What runs beside something else says all that it has to say when it ends.
in_one_piece = said=$$(mktemp); $(1) >"$$said" 2>&1; status=$$?; cat "$$said"; rm -f "$$said"; exit $$status

images: $(READY)
	@$(call in_one_piece,$(BIN)/python -m homeport.lab.prepare)

test-commands: $(READY)
	@$(call in_one_piece,$(BIN)/pytest $(COMMANDS))

test-source: $(READY)
	@$(call in_one_piece,$(BIN)/pytest $(SOURCE))

test-hosts: $(READY)
	@$(call in_one_piece,$(BIN)/pytest $(HOSTS))

test-units: $(READY)
	@$(BIN)/pytest --ignore=tests/lab --ignore=tests/examples $(patsubst %,--ignore=%,$(COMMANDS) $(SOURCE) $(HOSTS)) -m "not lab"

test-examples: $(READY)
	@$(call in_one_piece,$(BIN)/pytest tests/examples)

# All points at which a deploy and the host program can be killed; twenty releases, 400 reloads and every change of a
# setting under load. `make test` takes a few: two hours.
test-kill: $(READY)
	@HOMEPORT_KILL=everywhere HOMEPORT_TESTS=all $(BIN)/pytest -s tests/lab/test_kill.py tests/lab/test_host_program.py tests/lab/test_zero_loss.py tests/lab/test_routines.py

# Those without machines first; what they find is cheaper.
test-changed: $(READY)
	@for kind in fast machines; do \
		reached=$$($(BIN)/python -m tests.changed $$kind) || exit; \
		[ -z "$$reached" ] || $(BIN)/pytest $$reached -m "not qemu" || [ $$? = 5 ] || exit; \
	done

test-fast: $(READY)
	@$(BIN)/pytest -m "not lab"

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q -m "not lab"

# What homeport is measured against is no part of its own environment.
$(BENCH_READY): requirements/bench.txt $(READY)
	@echo "==> Python environment of the benchmarks' peers in $(BENCH_VENV)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/pip install -qq --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(READY) $(BENCH_READY)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

# Ends with status 1 when something was lost that no fault may cost; its report is in artefacts/.
MINUTES ?= 10
soak: $(READY)
	@$(BIN)/python -m benchmarks.soak $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(BACKEND),--backend $(BACKEND))

reference: $(READY)
	@$(BIN)/python -m homeport.cli.reference
	@$(BIN)/python -m tests.promise_page

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(READY)
	@$(BIN)/uv pip compile $(LOCK_FLAGS) requirements/pip.in -o requirements/pip.txt
	@$(BIN)/uv pip compile $(LOCK_FLAGS) --extra dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile $(LOCK_FLAGS) requirements/bench.in -o requirements/bench.txt
	@for tool in requirements poetry pipenv; do $(BIN)/uv pip compile $(LOCK_FLAGS) templates/tools/$$tool.in -o templates/tools/$$tool.txt; done
	@for example in examples/*/; do $(BIN)/uv pip compile $(LOCK_FLAGS) $$example/requirements.in -o $$example/requirements.txt; done

clean:
	@[ ! -x $(BIN)/homeport ] || $(BIN)/homeport lab down
	@rm -rf $(VENV) $(BENCH_VENV) dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
