# Each command sets up .venv if needed. Requires Python 3.11+, pip, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_RUN := $(VENV)/.ready-run
NODE_CLIENT := customerio-node@^5.2.0

.PHONY: demo test test-full check bench load crash clients test-clients format docs clean

demo: $(READY_TO_RUN)
	@$(BIN)/cio-mcp demo

# All tests but the slow ones, with samples of long ones. Tests start many processes, which reuse the stored bytecode.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY)
	@$(BIN)/python -m pytest --quick -n 5

# For CI: crash tests, then all tests with branch coverage. `coverage report -m` shows missing lines.
test-full: export PYTHONDONTWRITEBYTECODE =
test-full: $(READY)
	@$(BIN)/python -m tests.crash 100 8 10
	@$(BIN)/python -m pytest -n 3 --cov --cov-report=

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_layers.py tests/test_words.py tests/test_documentation.py \
		tests/test_token_budget.py tests/test_answer_budget.py

bench: $(READY)
	@$(BIN)/python -m benchmarks

# Kills processes at each step of a write or a job, and whole servers. tests/crash has the invariants.
crash: DEATHS ?= 2000
crash: SERVERS ?= 50
crash: WORKERS ?= 200
crash: EXPORTS ?= 200
crash: $(READY)
	@$(BIN)/python -m tests.crash $(DEATHS) $(SERVERS) $(WORKERS)
	@EXPORT_DEATHS=$(EXPORTS) $(BIN)/python -m pytest --timeout=1800 tests/exports/test_crash.py

# Takes minutes: 50,000 events to a receiver that is killed again and again.
load: $(READY)
	@STORM=50000 $(BIN)/python -m pytest --timeout=1800 tests/web/test_storm.py

# Runs all tool schemas through the converters of agent frameworks, and calls the sandbox with every method of Customer.io's
# clients. Both need their own environment, and the client for Node.js needs npm.
clients:
	@$(MAKE) --no-print-directory VENV=.venv-clients test-clients

test-clients: $(VENV)/.ready-clients
	@$(BIN)/python -m pytest tests/converters tests/official_clients

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Generated from the tools: the README's table, docs/tools.md, server/definitions/definitions.json.
docs: $(READY)
	@UPDATE_DOCS=1 $(BIN)/python -m pytest tests/test_documentation.py

clean:
	rm -rf $(VENV) .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* dist

# Without ensurepip (Debian without python3-venv), the system's pip installs into the environment.
$(READY_TO_RUN): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cio-mcp needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python -a -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Adds the development tools.
$(READY): $(READY_TO_RUN)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

$(VENV)/.ready-clients: $(READY_TO_RUN)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,converters,clients]'
	@command -v npm >/dev/null || echo 'npm is not installed: customerio-node is not tested'
	@! command -v npm >/dev/null || npm install --silent --no-save --no-package-lock --prefix $(VENV) $(NODE_CLIENT)
	@touch $@
