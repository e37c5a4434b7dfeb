# Each target works on its own, from a fresh checkout with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export

.PHONY: run test check bench chaos screenshots format migration clean

run: $(VENV)/run  ## sandbox, worker and web on this machine, with the demo world
	@$(BIN)/python -m services.launch

test: $(VENV)/dev  ## every test, browser tests included, two files at a time
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check: $(VENV)/dev  ## lint, types and the walls between packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

screenshots: $(VENV)/dev  ## docs/screenshots, each page light and dark
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m tests.screenshots

bench: $(VENV)/dev  ## figures with their targets, as ratios where that is possible
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: $(VENV)/dev  ## 50 times kill -9 at random on each store, and accounts of what arrived
	@$(BIN)/python -W 'ignore:XDG_RUNTIME_DIR' -m tests.chaos $(ARGS)

format: $(VENV)/dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

migration: $(VENV)/dev  ## make migration MESSAGE="what changes": from the tables as they are in code
	@$(BIN)/python -m tests.migration "$(MESSAGE)"

$(VENV)/run: requirements.txt constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/dev: $(VENV)/run tests/requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt -c constraints.txt
	@touch $@

clean:  ## the environment and the demo world
	@rm -rf $(VENV) var
