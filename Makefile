# Two commands do all set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON := .venv/bin/python
export PYTHONPATH := operator:.

.PHONY: help demo demo-down test check generate up down bench
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: .venv/ready ## A real cluster, the operator, one model, and its documented calls
	@$(PYTHON) -m dev demo

demo-down: ## Remove all traces of the demo
	@test ! -x $(PYTHON) || $(PYTHON) -m dev demo-down

test: .venv/ready check ## Everything: lint, types, layers, unit, golden, integration, end to end
	@$(PYTHON) -m dev prepare
	@$(PYTHON) -m pytest

check: .venv/ready ## What needs no cluster, in under a minute
	@$(PYTHON) -m ruff check -q .
	@$(PYTHON) -m ruff format -q --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTHON) -m tests.generated
	@$(PYTHON) -m pytest -q tests/unit tests/golden

generate: .venv/ready ## CRD, chart's CRD and goldens, from api.py and the renderers
	@$(PYTHON) -m tests.generated --write
	@$(PYTHON) -m tests.golden.render

up: .venv/ready ## The cluster alone
	@$(PYTHON) -m dev up

down: ## Take the cluster down
	@test ! -x $(PYTHON) || $(PYTHON) -m dev down

bench: .venv/ready ## Figures: writes docs/performance.md
	@$(PYTHON) -m tests.bench

.venv/ready: dev/bootstrap.sh requirements/dev.txt
	@sh dev/bootstrap.sh
	@touch $@
