# make run    a secure SCP on port 2762, with files sent to it over mutual TLS; Ctrl-C ends it
# make test   every test, with what they need
# make lint   ruff, mypy and the import rules
# make docs   the documentation, as docs/_build/html/index.html
# make bench  storage over mutual TLS beside DCMTK; ARGS=--quick takes a tenth of it
#
# PORT=11112          another port for make run
# PYTHON=python3.12   the interpreter for .venv, if it shall not be the first suitable one
# ARGS="-k tls"       more arguments for pytest; ARGS=--cov measures coverage

PORT ?= 2762
export PYTHON

.PHONY: help run test lint docs bench clean

help:
	@sed -n '/^# /s/^# //p' Makefile

run:
	@sh tools/setup.sh
	@.venv/bin/python tools/run_demo.py --port $(PORT)

test:
	@sh tools/setup.sh dev
	@sh tools/test-setup.sh
	@.venv/bin/python -m pytest -n 2 $(ARGS)

lint:
	@sh tools/setup.sh dev
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	.venv/bin/lint-imports --no-logo

docs:
	@sh tools/setup.sh dev
	.venv/bin/python -m sphinx -W --keep-going -n -E -q docs docs/_build/html

bench:
	@sh tools/setup.sh
	@sh tools/test-setup.sh
	@.venv/bin/python benchmarks/compare.py $(ARGS)

clean:
	rm -rf .venv received build dist docs/_build *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
