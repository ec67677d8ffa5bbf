# Two commands do all set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON := .venv/bin/python
export PYTHONPATH := operator:.
CACHE := $(or $(VLLM_OPERATOR_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vllm-operator)
TO_TAKE_DOWN := $(if $(wildcard $(CACHE)/run/cluster $(CACHE)/run/provider),.venv/ready) # also from a clone that did not bring it up

.PHONY: help setup demo shell demo-down test test-kubernetes check docs generate mutate chaos bench attack release verify-release crd bump accept up down
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 17

setup: ## Install what is missing: apt packages, uv, the virtual environment
	@sh dev/bootstrap.sh $(FOR)
	@touch .venv/ready

demo: setup ## A real cluster, the operator, one model, and its documented calls
	@$(PYTHON) -m dev demo

shell: ## A shell in which the documented commands work as they are: the demo's host, certificate, key, kubectl
	@$(PYTHON) -m dev shell

demo-down: $(TO_TAKE_DOWN) ## Remove all traces of the demo
	@if test -x $(PYTHON); then $(PYTHON) -m dev demo-down; else echo 'nothing was brought up from this clone'; fi

accept: FOR := accept
accept: setup ## Try a cluster of yours: install, serve a small model, run the contract, report, clean up (KUBECONTEXT=…)
	@$(PYTHON) -m dev accept

test: FOR := test
test: setup check ## Everything: lint, types, layers, unit, golden, guard, integration, end to end
	@$(PYTHON) -m dev prepare
	@HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -q -n auto -m "hypothesis or long" tests/unit
	@$(PYTHON) -m pytest -q -n auto tests/chaos
	@$(PYTHON) -m pytest --durations=20 tests/bootstrap tests/guard
	@$(PYTHON) -m pytest -n 2 --dist=loadscope --durations=40 tests/integration tests/e2e
	@$(PYTHON) -m pytest tests/privileges

test-kubernetes: FOR := test
test-kubernetes: setup ## The integration tests on an older Kubernetes, which is built once; VERSION=1.34
	@test -d dev/go/kubernetes-$(VERSION) || { echo "error: VERSION=$(VERSION) is no older Kubernetes that dev/go pins: VERSION=1.34" >&2; exit 2; }
	@$(PYTHON) -m dev build kubernetes-$(VERSION)
	@KUBERNETES=$(VERSION) $(PYTHON) -m pytest -n 2 --dist=loadfile --durations=20 --ignore=tests/integration/test_chaos.py $(ARGS) tests/integration

check: .venv/ready ## What needs no cluster, in under a minute
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTHON) -m tests.generated
	@$(PYTHON) -m pytest -q -n auto -m "not long" tests/unit tests/golden

docs: .venv/ready ## The site of docs/, in .artifacts/site
	@$(PYTHON) -m tests.site

generate: .venv/ready ## CRD, the chart's CRD and the goldens, from the package api and the renderers
	@$(PYTHON) -m tests.generated --write
	@$(PYTHON) -m tests.golden.render

mutate: .venv/ready ## What the unit tests notice of 300 small changes, under an hour; ARGS="--sample 20 keys/decision.py" for some
	@$(PYTHON) -m tests.mutation $(ARGS)

chaos: .venv/ready ## Kills, API errors and broken watches at every write of every workload, in memory; ARGS="'two: killed'" for some
	@$(PYTHON) -m tests.chaos $(ARGS)

bench: setup ## Figures, with machine and versions; ONLY="startup" for some of them
	@$(PYTHON) -m tests.bench $(ONLY)

attack: setup ## What docs/security.md says cannot be done, tried on the running demo, as a table; ARGS="host" for some of it
	@$(PYTHON) -m tests.attack $(ARGS)

release: FOR := release
release: setup ## A release, signed, pushed to a registry on loopback and verified; REGISTRY=… COSIGN_KEY=… publishes it
	@$(PYTHON) -m dev release

verify-release: .venv/ready ## What a registry has of a version: REGISTRY=… VERSION=… COSIGN_PUBLIC_KEY=…
	@$(PYTHON) -m dev.release.verify $(REGISTRY) $(VERSION) $(COSIGN_PUBLIC_KEY)

crd: .venv/ready ## What the resource adds to the last release's, and that it takes no less; FILE=… compares with another CRD
	@$(PYTHON) -m dev.release.compatibility $(FILE)

bump: .venv/ready ## VERSION=1.2.3 everywhere, and a section of the changelog for it; without VERSION: the one there is
	@$(PYTHON) -m dev.release.version $(VERSION)

up: setup ## The cluster alone
	@$(PYTHON) -m dev up

down: $(TO_TAKE_DOWN) ## Take the cluster down
	@if test -x $(PYTHON); then $(PYTHON) -m dev down; else echo 'nothing was brought up from this clone'; fi

.venv/ready: dev/bootstrap.sh requirements/dev.txt
	@$(MAKE) --no-print-directory setup FOR=check
