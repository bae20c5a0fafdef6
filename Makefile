# Countersign. `make help` lists the targets.
# Everything is installed from the lock files into .venv, on first use and whenever they change.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# As many tests at once as there are cores, within what a PostgreSQL with its own settings has connections for.
JOBS ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores > 8 ? 8 : cores)))

# Tests that need nothing but this repository and Python; the others need Debian packages.
ALONE := not browser and not tools and not postgres and not crashes

.PHONY: help install run demo test check format format-check lint types imports migrations tests-everything bench soak lock clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed ## Install what `make run` needs

.venv/installed: requirements.lock setup.cfg pyproject.toml | .venv/bin/python
	@echo "Installing (once, and after the lock file changed) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Countersign needs Python 3.11 or newer: no python3 was found on the PATH."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Countersign needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .venv

run: install ## Start the API, the bundled signing service and the worker, until Ctrl-C
	@$(BIN)/countersign run

demo: install ## Do the whole job once against the running stack
	@$(BIN)/python -m app.demo

test: .venv/installed-dev ## Run every test that needs nothing but this repository and Python
	@$(PYTEST) -n $(JOBS) --dist worksteal -m "$(ALONE)"

check: format-check lint types imports migrations tests-everything ## All of CI: format, lint, types, imports, migrations, tests

format: .venv/installed-dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: .venv/installed-dev
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format"; exit 1; }

lint: .venv/installed-dev
	@$(BIN)/ruff check --quiet .

types: .venv/installed-dev
	@$(BIN)/mypy

imports: .venv/installed-dev
	@$(BIN)/lint-imports --config setup.cfg

migrations: .venv/installed-dev
	@$(PYTEST) tests/project/test_migrations.py

tests-everything: .venv/installed-dev
	@PYTEST="$(PYTEST)" JOBS=$(JOBS) tests/everything.sh

bench: .venv/installed-dev ## Measure, against a floor measured in the same run [FIGURES="rates memory"]
	@$(BIN)/python -m tests.benchmarks $(FIGURES)

MINUTES ?= 5
soak: .venv/installed-dev ## Run real processes under faults and kills: MINUTES=5 [SEED=7] [DATABASE=postgresql+psycopg://…] [STORAGE=s3] [HOSTS=2]
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database '$(DATABASE)') $(if $(STORAGE),--storage $(STORAGE)) $(if $(HOSTS),--hosts $(HOSTS))

lock: ## Resolve the dependencies anew and write both lock files (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade --extra signer setup.cfg -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade --all-extras -c requirements.lock setup.cfg -o requirements-dev.lock

clean: ## Remove what was installed and built; keeps your data in var/
	rm -rf .venv *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
