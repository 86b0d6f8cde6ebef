# Two commands set everything up: `make demo` and `make test`. CI runs `make check` and `make dist` (.ci/run).
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= --out demo-output
# Words for pytest: a process for each processor, with one thread. A part alone: make test TEST=tests/glands
TEST ?= -n logical --maxprocesses 8 --dist worksteal

.PHONY: install demo test check lint docs dist clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "acinus needs Python 3.11 or newer; run make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	touch $@

demo: install
	$(BIN)/acinus demo $(DEMO)

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TEST)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

check: lint test

# Builds archive and wheel, then installs the wheel where there is nothing else and looks at its viewer.
dist: install
	rm -rf dist
	$(BIN)/python -m build --sdist --wheel --outdir dist
	ACINUS_DIST=dist OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/release

clean:
	rm -rf .venv demo-output build dist
