#!/bin/sh
# Remove what setup, tests and tools left in the clone, and the virtual environment wherever it is.
set -eu
cd "$(dirname "$0")/.."
case $(readlink .venv || true) in /opt/mainstay-dev/?*) rm -rf "$(readlink .venv)" ;; esac
rm -rf .venv ./*.egg-info build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
find . -name __pycache__ -type d -prune -exec rm -rf {} +
