# make demo ARGS="--json"    passes options on
# make PYTHON=/path/to/python3.12 test    chooses the Python

BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo bench-resume bench-agent soak package test check unit snapshots store behaviour machines docs dashboards format clean

help:
	@echo 'make demo        a cluster on this machine, a real job, a real fault (options: ARGS="--json")'
	@echo 'make bench-resume  how long a job stands still after a fault, here and under plain torchrun'
	@echo 'make bench-agent what an agent costs beside node_exporter, how soon it tells (options: ARGS="--seconds 60")'
	@echo 'make soak        two jobs, six nodes, a fault every 20 s (options: ARGS="--minutes 60 --seed 7")'
	@echo 'make package     a wheel and a source archive into dist/'
	@echo 'make test        everything: check, then all tests'
	@echo 'make check       formatter, linter, types, import contracts'
	@echo 'make unit        the small tests      (options for pytest: ARGS="-k spool")'
	@echo 'make snapshots   write the screens that tests compare anew: then look at what changed'
	@echo 'make store       one suite, every database'
	@echo 'make behaviour   real processes, real faults'
	@echo 'make machines    real machines: systemd, a network, power cuts (as root)'
	@echo 'make docs        write the reference and the module graph anew, from the code'
	@echo 'make dashboards  write the dashboards of grafana/ anew, from scripts/dashboards'
	@echo 'make format      let the formatter have its way'
	@echo 'make clean       remove what was built, .venv included'

setup:
	@scripts/setup.sh

setup-test: setup
	@scripts/setup-test.sh

demo: setup
	@$(BIN)/mainstay demo $(ARGS)

bench-resume: setup
	@$(BIN)/python -m bench.resume $(ARGS)

bench-agent: setup-test
	@$(BIN)/python -m bench.agent $(ARGS)

soak: setup
	@$(BIN)/python -m bench.soak $(ARGS)

package: setup
	@scripts/package.sh

test: setup-test check
	@scripts/run-tests.sh $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup
	$(BIN)/python -m pytest tests/unit $(ARGS)

snapshots: setup
	MAINSTAY_WRITE_SNAPSHOTS=1 $(BIN)/python -m pytest tests/unit/cli/test_snapshots.py
	git diff --stat tests/unit/cli/snapshots

store: setup-test
	$(BIN)/python -m pytest tests/store $(ARGS)

behaviour: setup
	$(BIN)/python -m pytest tests/behaviour $(ARGS)

docs: setup
	$(BIN)/python -m scripts.reference

dashboards: setup
	$(BIN)/python -m scripts.dashboards

machines: setup-test
	$(BIN)/python -m pytest tests/machines $(ARGS)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	@scripts/clean.sh
