# make verify      try every claim and write report/
# make report      the same, and one site of everything that is in report/
# make test        lint, types and tests
# make notebooks   run the notebooks and rewrite their outputs
# make lint        ruff and mypy alone
# make clean       remove what was made: .venv, report/ and the tools' caches
#
# Variables: PYTHON (a Python >= 3.11, only used to make .venv), JOBS (processes for pytest, 0 runs it in one), ARGS (for the command at hand).

PYTHON ?= python3
JOBS ?= 2
ARGS ?=
EXTRAS := real,zoo,peers,test,notebooks

BIN := .venv/bin
STAMP := .venv/installed
.DELETE_ON_ERROR:
.DEFAULT_GOAL := verify
.PHONY: verify report test notebooks lint clean

verify: $(STAMP)
	$(BIN)/gradcampp verify $(ARGS)

report: verify
	$(BIN)/gradcampp report

test: lint
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

notebooks: $(STAMP)
	$(BIN)/python -m verify.notebook notebooks/

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Made from nothing whenever what it is made from changes: packages that were dropped must not linger.  --clear keeps no other file.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"$(PYTHON) is Python {v[0]}.{v[1]}; gradcampp needs 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $(STAMP)

clean:
	rm -rf .venv report build gradcampp.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find derivation cam verify tests -type d -name __pycache__ -prune -exec rm -rf {} +
