# Every target sets up what it needs by itself: on a fresh clone, `make render` is enough.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WEFT := $(BIN)/weft
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools

# what the verbs work on: ENV=production, TENANT=acme; an environment alone means its tenants too
ENV ?= **
TARGETS = $(if $(TENANT),'$(ENV)/$(TENANT)','$(ENV)$(if $(filter-out **,$(ENV)),/**)')
OUTPUT ?= build

.PHONY: help setup setup-tools render validate diff test lint types check docs bench clean lock format

help: ## Show this list
	@echo "usage: make TARGET [ENV=production] [TENANT=acme]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create the virtual environment and install the locked dependencies

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Weft needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup-tools: $(TOOLS) ## Install the programs that read the outputs (kubectl, promtool, amtool, redis, pgbouncer)

$(TOOLS): $(READY) requirements/tools.lock requirements/programs.sh $(wildcard requirements/node/*)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.lock
	@sh requirements/programs.sh
	@sh requirements/node/install.sh $(VENV)
	@touch $@

render: $(READY) ## Validate and write every output into build/
	@$(WEFT) render $(TARGETS) -o $(OUTPUT)

validate: $(READY) ## Report every problem of the configuration and of what it renders
	@$(WEFT) validate $(TARGETS) --outputs --strict

diff: $(READY) ## Compare two targets: make diff FROM=staging TO=production
	@$(WEFT) diff $(or $(FROM),staging) $(or $(TO),production)

test: $(READY) ## Run the tests and measure their coverage
	@$(BIN)/python -m pytest -m "not unmeasured" --cov --cov-report=term
	@$(BIN)/python -m pytest -m unmeasured

lint: $(READY) ## Check style and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(READY) ## Check the types
	@$(BIN)/mypy

check: lint types ## Everything that is checked without running it

docs: $(VENV)/.docs ## Build the documentation as a site in build-docs/
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --quiet --strict
	@echo "build-docs/index.html"

$(VENV)/.docs: $(READY) requirements/docs.lock
	$(PYTHON) -m venv $(VENV)/docs
	$(VENV)/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.lock
	@touch $@

bench: $(READY) ## Measure speed, as ratios against other work done in the same run
	@$(BIN)/python benchmarks/bench.py

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Renew the locked dependencies (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --all-extras --group dev pyproject.toml -o requirements/dev.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --constraints requirements/dev.lock --group tools -o requirements/tools.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --group docs -o requirements/docs.lock

clean: ## Remove what was built, and the virtual environment
	rm -rf $(VENV) $(OUTPUT) build-docs dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
