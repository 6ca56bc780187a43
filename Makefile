# `make demo`, `make ui` and `make test` set themselves up: they need Python 3.11 or newer with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: setup demo ui test test-celery test-ui screenshots lint audit clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   play with a demo store and a demo MessageMedia account (about half a minute)"
	@echo "make ui     the Dagster UI on a demo that goes on living: http://127.0.0.1:3000"
	@echo "make test   run the tests"
	@echo "make test-celery  sync many sources over Celery workers, one of which dies (needs redis-server; three minutes)"
	@echo "make test-ui  drive the Dagster UI in a browser (needs chromium; two minutes)"
	@echo "make screenshots  the same, and renew the pictures in docs/images"
	@echo "make lint   check style, types and who imports whom"
	@echo "make audit  ask for known vulnerabilities of all pinned packages (needs the internet)"
	@echo "make setup  create $(VENV) and install into it; the others do so by themselves"

setup: $(STAMP)

$(STAMP): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/woo-sync demo

ui: $(STAMP)
	@$(BIN)/woo-sync demo --ui

# With bytecode kept, whatever the environment says: many tests start processes, and each would compile everything.
test: $(STAMP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-celery: $(STAMP)
	@$(BIN)/python -m pytest -m celery woo_sync_pipeline_tests/scale

test-ui: $(STAMP)
	@$(BIN)/python -m pytest -m ui woo_sync_pipeline_tests/ui

screenshots: $(STAMP)
	@WOO_SYNC_PICTURES=docs/images $(BIN)/python -m pytest -m ui woo_sync_pipeline_tests/ui

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# In an environment of its own: what it needs shall not decide what the project runs with.
audit:
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && \
		$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit; }
	@$(VENV)-audit/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

clean:
	rm -rf $(VENV) $(VENV)-audit .woo_sync
