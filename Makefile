PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUNS ?= runs
STUDY ?= demo
KILLS ?= 100
SEED ?= 0
# That tests run in, of up to 3 GB each.
PROCESSES ?= 2
# Two threads that wait for each other on busy cores are slower than one, and rounding depends on their number.
export OMP_NUM_THREADS ?= 1
PORT ?= 5000

.PHONY: setup demo test test-all chaos lint format bench dashboard lock clean

setup: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(BIN)/vdit --runs $(RUNS) run $(STUDY)
	$(BIN)/vdit --runs $(RUNS) tables $(STUDY)
	$(BIN)/vdit --runs $(RUNS) report $(STUDY)

# A file of tests is one process's: its fixtures are made once.
test: setup
	$(BIN)/python -m pytest -q --numprocesses $(PROCESSES) --dist loadfile

test-all: setup
	$(BIN)/python -m pytest -q -m ""

# CI has no time for it. Ten kills are in test-all.
chaos: setup
	PYTHONPATH=$(CURDIR)/tests/cluster $(BIN)/python tests/chaos/chaos.py --kills $(KILLS) --seed $(SEED)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup
	for file in tests/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

dashboard: setup
	@echo "http://127.0.0.1:$(PORT)  (Ctrl-C ends it)"
	$(BIN)/mlflow server --backend-store-uri sqlite:///$(abspath $(RUNS))/mlflow.db --host 127.0.0.1 --port $(PORT)

lock: setup
	(head -1 requirements.lock; $(BIN)/python -m pip freeze --exclude-editable) > requirements.new && mv requirements.new requirements.lock

clean:
	rm -rf $(VENV)
