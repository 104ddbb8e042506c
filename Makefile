# The house door. Needs Python 3.11+, make and a package index; writes only into this folder (.venv/ and .cubano/);
# the tests' databases lie in memory (/dev/shm) where there is room, and are removed.
# `make` alone lists what there is.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory --no-builtin-rules

UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready
# Nothing is written outside this folder, unless you say so.
export UV_CACHE_DIR ?= $(CURDIR)/.cubano/cache
# Dozens of processes start here: each of them would compile what it imports, which takes longer than all else it does.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
# The first Python that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# $(call step,heading,command): a heading, the command, and how long it took.
step = @printf '\n== %s\n' "$(1)"; start=$$(date +%s); $(2); status=$$?; \
	printf '   %s: %s, %ss\n' "$(1)" "$$([ $$status = 0 ] && echo well || echo FAILED)" "$$(($$(date +%s) - start))"; \
	exit $$status

.PHONY: help up compose-env test tests-side-by-side tests-alone fuzz drill setup check lint types shape generated browser monitoring bench load docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

compose-env: setup ## write .env, the secrets of docker-compose.yml
	@$(BIN)/python -m service.local.compose_env .env

up: setup monitoring ## run the whole system on loopback until Ctrl-C
	@$(BIN)/cubano up

test: setup browser monitoring lint types generated ## everything: lint, types, generated files, all tests
	@$(MAKE) --keep-going --jobs=1 tests-side-by-side tests-alone

# Both are run, whatever becomes of the first; what failed is tried once more, and named (tests/house/tries.py).
# Who judges time or takes all cores (marked `alone`) has the machine to itself.
tests-side-by-side: setup
	$(call step,tests side by side,$(BIN)/python -m tests.house.tries -n 2 --dist loadgroup -m "not alone")

tests-alone: setup
	$(call step,tests alone,$(BIN)/python -m tests.house.tries -m "alone")

drill: setup monitoring ## break a system of its own in every way there is a drill for, and print what came of it
	@$(BIN)/cubano drill run --all --jobs 2

fuzz: setup ## thousands of generated requests as nobody and as each role, against the API's own document
	@CUBANO_TEST_FUZZ=long $(BIN)/python -m pytest -q -s tests/fuzz

setup: $(READY) ## only the set-up: .venv with the locked dependencies
	@:

check: setup lint types shape generated ## what a commit must pass, without the slow tests

lint: setup
	$(call step,ruff check,$(BIN)/ruff check .)
	$(call step,ruff format,$(BIN)/ruff format --check .)

types: setup
	$(call step,mypy,$(BIN)/mypy)

shape: setup
	$(call step,shape of the code,$(BIN)/python -m pytest -q tests/shape)

generated: setup
	$(call step,generated files,$(BIN)/python -m docs.generate --check && $(BIN)/cubano monitor build --check)

docs: setup ## write the generated parts of the documents again
	@$(BIN)/python -m docs.generate

bench: setup ## measure this machine: webhook intake and checkout, beside raw PostgreSQL
	@$(BIN)/cubano bench run webhook-ingest checkout

load: setup monitoring ## the release gate: load, limits, money, and a comparison with the last release; ten minutes
	@$(BIN)/cubano load gate

clean: ## remove .venv, .cubano (the local database too) and all caches
	@rm -rf .venv .cubano .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "removed: .venv, .cubano (with the local database), caches"

# ---- set-up ---------------------------------------------------------------------------------------------------------
# uv picks the locked versions and checks their hashes, but takes the files from the index the user's pip is set to
# (uv.lock itself names the public one). Where uv cannot speak to that index, pip installs the very same list.

ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): pyproject.toml uv.lock Makefile
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found. Install one, or: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test ! -f $@ || test "$$(cat $@)" = "$(CURDIR)" || rm -rf .venv  # the folder was moved; scripts in .venv name the old place
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p .cubano
	@$(BIN)/uv --version 2>/dev/null | grep -q " $(UV_VERSION) " || $(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check uv==$(UV_VERSION)
	$(call step,dependencies,$(install))
	@echo "$(CURDIR)" > $@

index = $(BIN)/python -m pip config get global.index-url 2>/dev/null
install = index="$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$($(index))}}}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; export UV_NO_PROGRESS=1; \
	$(BIN)/uv export --quiet --frozen --no-header --no-emit-project --all-extras --all-groups -o .cubano/requirements.txt && \
	{ $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r .cubano/requirements.txt || \
	  { echo "   uv could not install from this index; pip takes over"; \
	    $(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r .cubano/requirements.txt; }; } && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable . && \
	$(BIN)/python -m compileall -q service monitoring runbooks loadtests

# ---- a browser for the tests ------------------------------------------------------------------------------------------
# Any Chromium or Chrome; else the system's package manager when we may; else Playwright's own, into .cubano/.
# What is still missing afterwards is named by the tests themselves.

browser: setup
	$(call step,browser,$(find_browser) || $(get_browser))

find_browser = for b in chromium chromium-browser google-chrome google-chrome-stable chrome; do \
	command -v $$b && break; done || ls "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" 2>/dev/null || \
	ls -d .cubano/browsers/chromium-* 2>/dev/null
get_browser = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-liberation >.cubano/apt.log 2>&1; } || \
	PLAYWRIGHT_BROWSERS_PATH="$(CURDIR)/.cubano/browsers" $(BIN)/playwright install chromium || \
	echo "   no browser could be had: the browser tests will be counted as not run. Install chromium and try again."

# ---- Prometheus and Alertmanager --------------------------------------------------------------------------------------
# Those on PATH; else, on Debian and Ubuntu, the system's packages unpacked into .cubano/monitoring: no root, no service.

monitoring: setup
	$(call step,monitoring programs,$(BIN)/python -m service.local.binaries)
