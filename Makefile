# Needs make and Python 3.11 or newer.  `make setup` once, then `make simulate`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What builds the site lies in an environment of its own, which sees that of `make setup`.
DOCS := .venv-docs
SITE := build/site
# Python to build the environment with; found on PATH unless given, as in `make setup PYTHON=/opt/python3.12`.
PYTHON ?=
SCENARIO ?= essay-2023
SCENARIOS ?= 10000
OUT ?= results/$(SCENARIO)

.PHONY: help setup simulate sliders picture test invariants slow mutants browser compat wheel docs bench lint clean

help: ## show these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: $(STAMP) ## create .venv with the locked dependencies

# A version manager's shim may be on PATH and yet not start, so each candidate is run before it is believed.
$(STAMP): requirements.lock pyproject.toml
	@python=""; \
	for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$candidate" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "moatlab needs Python 3.11 to 3.13, with venv, on PATH; found: $$(python3 --version 2>&1 || true)" >&2; \
	  echo "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$(BIN)/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "creating $(VENV) with $$("$$python" --version)"; "$$python" -m venv --clear $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

simulate: setup ## simulate the default scenario and draw its pictures
	$(BIN)/moatlab simulate $(SCENARIO) --out $(OUT)

picture: simulate ## draw the pictures of README and of the site's first page again
	cp $(OUT)/pictures/accrual.png $(OUT)/pictures/prices.png docs/pictures/

sliders: setup ## rank the parameters again whose sliders `moatlab dash` has
	$(BIN)/moatlab sensitivity experiments/sensitivity.toml --pictures none
	$(BIN)/python -m moatlab.dash.ranking results/sensitivity

lint: setup ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## style, types and the tests
	$(BIN)/pytest -m "not slow" -n auto

invariants: setup ## invariants on SCENARIOS random markets (10000 unless given)
	MOATLAB_SCENARIOS=$(SCENARIOS) $(BIN)/pytest -m slow -n auto tests/invariants

slow: setup ## the tests that take minutes
	$(BIN)/pytest -m slow -n auto

mutants: setup ## put in one listed fault at a time: the tests have to notice each
	$(BIN)/python tests/mutants/run.py

browser: setup ## open the dashboard and Mesa's view in Chromium (Debian: apt-get install -y chromium chromium-driver)
	$(BIN)/python tests/compat/run.py --browser

compat: setup ## the short part of the tests on each Python here, each Mesa, and the lowest dependencies
	$(BIN)/python tests/compat/run.py

wheel: setup ## build the wheel, install it into a fresh environment, run its commands there (needs a package index)
	$(BIN)/pytest -m slow tests/packaging -s

$(DOCS)/.installed: pyproject.toml docs/site/environment.py $(STAMP)
	$(BIN)/python docs/site/environment.py $(DOCS)
	@touch $@

docs: setup $(DOCS)/.installed ## build the documentation site into build/site, and check it (needs a package index once)
	$(DOCS)/bin/python docs/site/gallery.py build/gallery
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --site-dir $(SITE)
	$(DOCS)/bin/python docs/site/check.py $(SITE)
	@echo "$(DOCS)/bin/python -m http.server --bind 127.0.0.1 --directory $(SITE) shows it at http://127.0.0.1:8000"

bench: setup ## time the hot paths
	@for script in benchmarks/*.py; do echo "$$script"; $(BIN)/python "$$script"; done

clean: ## remove what can be made again
	rm -rf $(VENV) $(DOCS) build dist results .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
