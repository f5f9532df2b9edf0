# Every target sets up what it needs by itself: on a fresh clone, `make render` is enough.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
override VENV := $(patsubst %/,%,$(VENV))
BIN = $(VENV)/bin

# what the verbs work on: ENV=production, TENANT=acme; an environment alone means its tenants too
ENV ?= **
TARGETS = $(if $(TENANT),'$(ENV)/$(TENANT)','$(ENV)$(if $(filter-out **,$(ENV)),/**)')
OUTPUT ?= build

.PHONY: help setup setup-tools setup-cluster setup-peers setup-bench render validate diff plan deploy drift history rollback test test-programs test-cluster soak coverage mutants fuzz lint prose types fresh check docs reference pictures bench bench-docs bench-live bench-cluster peers clean lock format sbom secrets hook
.PHONY: python for-render for-dev

help: ## Show this list
	@echo "usage: make TARGET [ENV=production] [TENANT=acme]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

python:
	@command -v "$(PYTHON)" >/dev/null || { echo "error: there is no $(PYTHON): install Python 3.11 or newer, or name one, make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Weft needs Python 3.11 or newer, and $(PYTHON) is older: name another one, make PYTHON=python3.12" >&2; exit 1; }

for-render: python
	@"$(PYTHON)" requirements/environment.py render --venv "$(VENV)"

for-dev: python
	@"$(PYTHON)" requirements/environment.py dev --venv "$(VENV)"

setup: for-dev ## Create the virtual environment with all locked dependencies

setup-tools: for-dev ## Install the programs that the checks and the tests run; says first what and how big
	@"$(BIN)/python" requirements/programs.py --venv "$(VENV)"

setup-cluster: for-dev ## Build a Kubernetes API server for the tests; says first how big: make setup-cluster KUBERNETES=1.36.3
	@"$(BIN)/python" requirements/kubernetes_programs.py --venv "$(VENV)" $(if $(KUBERNETES),--release "$(KUBERNETES)")

render: for-render ## Validate and write every output into build/
	@"$(BIN)/weft" render $(TARGETS) -o "$(OUTPUT)"

setup-peers: for-dev ## Build Helm, with which Weft is compared; says first how big it is
	@"$(BIN)/python" requirements/peer_programs.py --venv "$(VENV)"

setup-bench: for-dev ## Install what `make bench` compares Weft with; says first what and how big
	@"$(BIN)/python" requirements/bench_programs.py --venv "$(VENV)"

# a missing program is skipped and reported, and says nothing about the configuration, so only the first run is strict
validate: for-render ## Report every problem of the configuration and of what it renders
	@"$(BIN)/weft" validate $(TARGETS) --strict
	@"$(BIN)/weft" validate $(TARGETS) --outputs

diff: for-render ## Compare two targets: make diff FROM=staging TO=production
	@"$(BIN)/weft" diff $(or $(FROM),staging) $(or $(TO),production)

plan: for-render ## Show what a deploy would change in the clusters: make plan ENV=production
	@"$(BIN)/weft" plan $(TARGETS)

deploy: for-dev ## Deploy to the clusters that weft.yaml names: make deploy ENV=production REASON=...
	@"$(BIN)/weft" deploy $(TARGETS) $(if $(REASON),--reason "$(REASON)") $(if $(YES),--yes)

drift: for-render ## Show how the clusters differ from what was deployed
	@"$(BIN)/weft" drift $(TARGETS)

history: for-render ## Show the revisions of a target: make history ENV=production TENANT=acme
	@"$(BIN)/weft" history '$(ENV)$(if $(TENANT),/$(TENANT))'

rollback: for-dev ## Deploy an earlier revision again: make rollback ENV=production TENANT=acme REVISION=7
	@"$(BIN)/weft" rollback '$(ENV)$(if $(TENANT),/$(TENANT))' $(REVISION) $(if $(REASON),--reason "$(REASON)") $(if $(YES),--yes)

test: for-dev ## Run the tests that need nothing but git, make and Python
	@"$(BIN)/python" -m pytest

test-programs: for-dev ## Run the tests that run other programs (make setup-tools)
	@"$(BIN)/python" -m pytest -m "programs and not cluster"

test-cluster: for-dev ## Run the tests that ask a Kubernetes API server (make setup-cluster)
	@$(if $(KUBERNETES),WEFT_CLUSTER_BIN="$(VENV)/kubernetes-$(KUBERNETES)" )"$(BIN)/python" -m pytest -m cluster

soak: for-dev ## Try the laws with many examples: make soak ROUNDS=100 SEED=1
	@"$(BIN)/python" -m pytest -m soak --rounds=$(or $(ROUNDS),100) $(if $(SEED),--hypothesis-seed=$(SEED))

coverage: for-dev ## Measure the coverage of the tests
	@"$(BIN)/python" -m pytest -m "not programs and not cluster and not unmeasured" --cov --cov-report=term

mutants: for-dev ## Break lines and see whether the tests notice: make mutants SEED=1 COUNT=100
	@"$(BIN)/python" tests/mutants.py --seed "$(or $(SEED),$(shell git rev-parse --short HEAD))" --count $(or $(COUNT),100)

fuzz: for-dev ## Draw hostile inputs: make fuzz MINUTES=5 SEED=1 COUNT=40000 KINDS="overlay json project schema template"
	@"$(BIN)/python" tests/fuzz/fuzz.py --minutes "$(or $(MINUTES),5)" --seed "$(or $(SEED),$(shell git rev-parse --short HEAD))" $(if $(COUNT),--count "$(COUNT)") $(if $(KINDS),--kinds $(KINDS))

lint: for-dev ## Check style and the import rules
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/lint-imports" --no-logo

prose: for-dev ## Check the spelling and the wording of what people read
	@"$(BIN)/python" tests/prose/prose.py

types: for-dev ## Check the types
	@"$(BIN)/mypy"

fresh: for-dev ## Check that the generated parts of the documentation are what the code says
	@"$(BIN)/python" docs/generated.py --check

check: lint prose types fresh ## Everything that is checked without running it

secrets: for-dev ## Look for secrets in plain text, in the files and in what commits brought
	@"$(BIN)/weft" secrets scan $(if $(filter false,$(shell git rev-parse --is-shallow-repository)),--history)

hook: for-dev ## Let git look for secrets before each commit
	@git config core.hooksPath .githooks
	@echo "git runs .githooks/pre-commit before each commit; git config --unset core.hooksPath ends that"

docs: python ## Build the documentation as a site in build-docs/
	@"$(PYTHON)" requirements/environment.py docs --venv "$(VENV)-docs"
	@"$(VENV)-docs/bin/sphinx-build" --quiet --fail-on-warning --keep-going --fresh-env --write-all -b html docs build-docs
	@echo "build-docs/index.html"

reference: for-dev ## Rewrite the generated parts of the documentation, and the types of examples/application
	@"$(BIN)/python" docs/generated.py
	@"$(BIN)/weft" schema types --language python -o examples/application/configuration.py

pictures: for-dev ## Redraw the pictures of the documentation
	@"$(BIN)/python" docs/pictures.py

bench: for-dev ## Measure speed next to other tools, and what is allowed: make bench SIZES="100 1000" PEERS="cue pkl"
	@"$(BIN)/python" benchmarks/bench.py $(if $(SIZES),--sizes $(SIZES)) $(if $(PEERS),--peers $(PEERS))
	@"$(BIN)/python" benchmarks/programs.py

bench-docs: for-dev ## Measure it again for the documentation, and rewrite docs/benchmarks.md with its plots
	@"$(BIN)/python" benchmarks/bench.py --write $(if $(SIZES),--sizes $(SIZES))
	@"$(BIN)/python" docs/generated.py
	@"$(BIN)/python" docs/pictures.py

bench-live: for-dev ## Measure how fast a program with four workers follows its configuration: make bench-live SWAPS=200
	@SWAPS="$(or $(SWAPS),200)" "$(BIN)/python" benchmarks/live.py

peers: for-dev ## Try Weft, Helm and kubectl in the same situations: make peers TOOLS="Weft kubectl" SITUATIONS=killed
	@"$(BIN)/python" tests/cluster/peers/peers.py $(if $(TOOLS),--tools $(TOOLS)) $(if $(SITUATIONS),--situations $(SITUATIONS))

bench-cluster: for-dev ## Measure plan, drift and deploy on a real API server: make bench-cluster TENANTS=1000
	@TENANTS="$(or $(TENANTS),200)" "$(BIN)/python" benchmarks/clusters.py

format: for-dev ## Format the code
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

lock: for-dev ## Renew the locked dependencies (needs the program uv)
	@"$(BIN)/python" requirements/renew.py

sbom: for-dev ## Write what the wheel depends on as CycloneDX into dist/
	@"$(BIN)/python" requirements/sbom.py dist/weft.cdx.json

clean: ## Remove what was built, and the virtual environment, where make and Weft made them
	@for folder in "$(VENV)" "$(VENV)-docs"; do if [ -e "$$folder/weft-environment.json" ]; then rm -rf "$$folder"; fi; done
	@if [ -e "$(OUTPUT)/.weft-record" ]; then rm -rf "$(OUTPUT)"; fi
	rm -rf build-docs build-fuzz dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
