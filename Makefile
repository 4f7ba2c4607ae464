# Everything here sets up what it needs. A fresh machine needs Python 3.11+ and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: bench-scale bench-search minilm static help up test test-cloud test-servers lint audit sbom checkov faults soak bench build deploy lock clean

ENVIRONMENT := local/mooring_local/environment.py
# `make PYTHON=/path/to/python3` names one. Each is run, not only looked up: a version manager's shim may be there
# for a Python that is not.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$python && break; done)
NEEDS_PYTHON = @test -n "$(PYTHON)" || { echo "Mooring needs Python 3.11 or newer with its venv module, and found none.\
	Install it (Debian, Ubuntu: apt install python3-venv), or name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
# Node.js of the machine when it is 20 or newer; otherwise .venv-node, filled from PyPI.
HAS_NODE = $(shell node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' >/dev/null 2>&1 \
	&& command -v npm >/dev/null && echo yes)
WITH_NODE = PATH="$(if $(HAS_NODE),,$(CURDIR)/.venv-node/bin:)$$PATH"
NODE_CLIENT := tests/clients/node
SAM := SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: .venv/up.stamp ## Run everything on this machine; Ctrl-C stops it
	@exec .venv/bin/mooring up

# Two processes share all tests, by whole files. Who names a file or a test gets one process, which starts sooner and
# can be looked into with --pdb.
TEST_PROCESSES ?= 2
TOGETHER = $(if $(findstring tests/,$(ARGS)),,-n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder)
test: .venv/dev.stamp .venv-sam/stamp .venv-mcp1/stamp .venv-supply/stamp $(NODE_CLIENT)/node_modules/.stamp ## Run all tests (ARGS="tests/unit -x")
	$(WITH_NODE) .venv/bin/python -m pytest $(TOGETHER) $(ARGS)

test-cloud: .venv/dev.stamp .venv-sam/stamp .venv-mcp1/stamp ## Run the tests that need root and Docker: the worker's container, the deployed stack
	$(WITH_NODE) .venv/bin/python -m pytest tests/container $(ARGS)

test-servers: .venv/dev.stamp ## Build, host and start 40 public servers of npm and PyPI (ARGS="--only git")
	$(WITH_NODE) .venv/bin/python -m benchmarks.servers $(ARGS)

lint: .venv/dev.stamp .venv-sam/stamp audit ## Check format, style, types, imports, the template and what is pinned
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q tests/test_style.py
	.venv-sam/bin/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

audit: .venv/dev.stamp .venv-supply/stamp ## Look for known vulnerabilities in what is pinned; check the SBOM
	$(WITH_NODE) .venv/bin/python -m supply.audit
	.venv-supply/bin/python -m supply.sbom

sbom: .venv-supply/stamp ## Write dist/worker.cdx.json, what the worker's image consists of (IMAGE=… names a built one)
	.venv-supply/bin/python -m supply.sbom $(if $(IMAGE),--image $(IMAGE)) --output dist/worker.cdx.json

checkov: .venv-checkov/stamp ## Check the template against the policies of checkov
	$(PYTHON) -m supply.policies template.yaml

faults: .venv/dev.stamp ## Hurt 200 sessions at random for minutes and count what was lost (SEED=… repeats a run)
	.venv/bin/python -m tests.faults

soak: .venv/dev.stamp ## Run 100 sessions for half an hour and look at the memory (ARGS="--minutes 5")
	.venv/bin/python -m benchmarks.soak $(ARGS)

bench: .venv/dev.stamp ## Measure round trips, throughput, session start and memory, and print a table
	.venv/bin/python -m benchmarks $(ARGS)

bench-search: .venv/dev.stamp ## Measure search: quality and speed, beside the usual ways (DATA=… names the folder of its data)
	.venv/bin/python -m benchmarks.search $(DATA) $(ARGS)

bench-scale: .venv/dev.stamp ## Simulate a day of a million sessions: placement, scaling, price (ARGS="--sessions 100000 --compare")
	.venv/bin/python -m benchmarks.scale $(ARGS)

minilm static: .venv/dev.stamp
	.venv/bin/python layers/registry/build_models.py $@

build: .venv-sam/stamp ## Build functions and layers for AWS (ARCHITECTURE=arm64 or x86_64)
	PYTHON="$(CURDIR)/.venv-sam/bin/python" $(SAM) build

deploy: build ## Deploy to the AWS account of your credentials (ARGS=… goes to `sam deploy`)
	$(SAM) deploy $(if $(ARCHITECTURE),--parameter-overrides Architecture=$(ARCHITECTURE)) $(ARGS)

LOCK := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS)
lock: ## Pin dependencies anew (ARGS="--upgrade" takes new versions)
	$(NEEDS_PYTHON)
	test -x .venv-lock/bin/uv || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv==0.13.8; }
	$(LOCK) pyproject.toml --extra build -o requirements.lock
	$(LOCK) pyproject.toml --extra build --extra dev -c requirements.lock -o requirements-dev.lock
	for part in layers/runtime layers/registry worker local/image; do \
	  $(LOCK) $$part/requirements.in -c requirements.lock -o $$part/requirements.lock || exit 1; done
	for name in requirements-sam requirements-node requirements-supply requirements-checkov \
	  tests/clients/requirements-mcp1; do \
	  $(LOCK) $$name.in -o $$name.lock || exit 1; done

clean: ## Remove environments, builds and caches; servers and keys in .mooring stay
	rm -rf .venv .venv-* .aws-sam dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(NODE_CLIENT)/node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp says that an environment holds its lock. It is inside, so it goes when the environment is made anew.
.SECONDEXPANSION:

# First, since it takes seconds.
test-cloud: checkov
audit test-servers: $$(if $$(HAS_NODE),,.venv-node/stamp)

.venv/up.stamp: requirements.lock pyproject.toml .venv/bin/python
	$(NEEDS_PYTHON)
	@test .venv/dev.stamp -nt requirements.lock -a .venv/dev.stamp -nt pyproject.toml \
	|| $(PYTHON) $(ENVIRONMENT) .venv requirements.lock --project .
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml .venv/bin/python
	$(NEEDS_PYTHON)
	@$(PYTHON) $(ENVIRONMENT) .venv requirements-dev.lock --project .
	@touch $@ .venv/up.stamp

# Missing, too, when the Python that it links to is gone.
.venv/bin/python:
	@rm -rf .venv

.venv-sam/stamp: requirements-sam.lock
.venv-mcp1/stamp: tests/clients/requirements-mcp1.lock
.venv-node/stamp: requirements-node.lock
.venv-supply/stamp: requirements-supply.lock
.venv-checkov/stamp: requirements-checkov.lock
.venv-sam/stamp .venv-mcp1/stamp .venv-node/stamp .venv-supply/stamp .venv-checkov/stamp:
	$(NEEDS_PYTHON)
	@$(PYTHON) $(ENVIRONMENT) $(@D) $<
	@touch $@

$(NODE_CLIENT)/node_modules/.stamp: $(NODE_CLIENT)/package-lock.json $$(if $$(HAS_NODE),,.venv-node/stamp)
	cd $(NODE_CLIENT) && $(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
