# Everything runs in .venv, made on first use from python3 (3.10 or later) and setup.py.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test test-slow lint format clean

demo: $(INSTALLED)
	$(BIN)/keras-kd-train --config=configs/digits.py --workdir=workdir/digits

# Strategy tests need virtual devices, and so processes that have not used any yet.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile --plain-graphs -m "not slow and not strategy"
	$(BIN)/python -m pytest -n 2 --dist loadfile --plain-graphs -m "strategy and not slow" tests/strategy

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m "slow and not strategy"
	$(BIN)/python -m pytest -m "slow and strategy" tests/strategy

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(INSTALLED): setup.py
	@$(PYTHON) -c 'import sys; sys.exit("keras-kd needs Python 3.10 or later. Received: " + sys.version.split()[0] + ". Call make with PYTHON=python3.11, for example.") if sys.version_info < (3, 10) else None'
	$(PYTHON) -m venv .venv
	# pip 23.0 on Python 3.10 had not resolved after ten minutes what a new pip resolves in seconds.
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $(INSTALLED)

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache
