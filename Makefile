# `make run` and `make test` set up everything that they need; see README.md.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Compiled files are kept, whatever the surroundings say: tests start the program hundreds of times.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-long lint bench clean

run: $(STAMP)
	@$(BIN)/workbench demo --out build/demo

test: lint
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m long

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

bench: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.benchmarks $(ONLY)

clean:
	rm -rf .venv build

$(STAMP): pyproject.toml $(wildcard plugins/*/pyproject.toml) packaging/constraints.txt packaging/setup.sh packaging/system_libraries.sh
	@sh packaging/setup.sh "$(PYTHON)"
	@touch $@
