# make demo ARGS="--json"    passes options on
# make PYTHON=/path/to/python3.12 test    chooses the Python

BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test check unit store behaviour format clean

help:
	@echo 'make demo        a cluster on this machine, a real job, a real fault (options: ARGS="--json")'
	@echo 'make test        everything: check, then all tests'
	@echo 'make check       formatter, linter, types, import contracts'
	@echo 'make unit        the small tests      (options for pytest: ARGS="-k spool")'
	@echo 'make store       one suite, every database'
	@echo 'make behaviour   real processes, real faults'
	@echo 'make format      let the formatter have its way'
	@echo 'make clean       remove what was built, .venv included'

setup:
	@scripts/setup.sh

setup-test: setup
	@scripts/setup-test.sh

demo: setup
	@$(BIN)/mainstay demo $(ARGS)

test: setup-test check
	$(BIN)/python -m pytest $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup
	$(BIN)/python -m pytest tests/unit $(ARGS)

store: setup-test
	$(BIN)/python -m pytest tests/store $(ARGS)

behaviour: setup
	$(BIN)/python -m pytest tests/behaviour $(ARGS)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	@scripts/clean.sh
