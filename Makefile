.PHONY: demo test test-slow lint bench portfolio notebooks pictures clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests start some hundred processes: none should compile the package again.
unexport PYTHONDONTWRITEBYTECODE
READY := $(VENV)/.ready

demo: $(READY)
	$(BIN)/jointopt demo

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

bench: $(READY)
	$(BIN)/python -m pytest tests/benchmarks -s -m slow

portfolio: $(READY)
	@test -n "$(TABLES)" || { echo 'name the tables: make portfolio TABLES="FILE:TARGET ..."'; exit 2; }
	$(BIN)/python -m jointopt.insight.portfolio search_spaces/portfolio.yaml $(TABLES)

notebooks: $(READY)
	$(BIN)/python notebooks/execute.py

pictures: $(READY)
	$(BIN)/python notebooks/pictures.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch first: alone it resolves to the pinned build, as a dependency it might pull gigabytes.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info demo
