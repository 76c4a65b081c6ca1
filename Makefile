# Two commands set everything up: `make run` and `make test`. Needs Python 3.11 or newer, and make.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
FAST := -m "not slow and not torture" -n 3 --dist worksteal
# Each of the many processes of the tests would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
COVERAGE := --cov=pipelines --cov=app --cov-branch --cov-report=term:skip-covered

.PHONY: run test check check-fast coverage docs bench torture mutations lock clean

run: $(VENV)/ready
	@if [ -z "$$STOCKRANK_SOURCE" ] && [ ! -e stockrank.toml ]; then \
		$(RUN) pipelines.demo --renew; fi
	@$(RUN) pipelines.export
	@$(RUN) pipelines.rank
	@$(RUN) app

# The fast tests in three processes, then those with servers, browsers and long series and all
# examples of random ones in four: two cores are kept busy, for many of them wait.
test: check-fast
	EXAMPLES=all $(RUN) pytest -q -m "(slow or drawn) and not torture" \
		-n 4 --dist loadscope --no-loadscope-reorder

check-fast: check
	$(RUN) pytest -q $(FAST) $(if $(COVERED),$(COVERAGE))

check: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(RUN) mypy

$(VENV)/ready: requirements.lock
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer on the path; install one" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "error: cannot make a virtual environment; on Debian install python3-venv" >&2; exit 1; }
	@echo "installing what the lock file names into $(VENV), which takes some minutes"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# Takes half an hour and 5 GB below data/; SIZES=1 takes ten minutes. Writes docs/benchmarks.*.
SIZES ?= 1,10
bench: $(VENV)/ready
	$(RUN) tests.benchmarks.report --sizes $(SIZES)

torture: $(VENV)/ready
	$(RUN) pytest -q -m torture

# What docs/commands.md says of the commands, from their --help.
docs: $(VENV)/ready
	$(RUN) tests.reference

# Of the fast tests; what only a process of its own runs counts as not covered.
coverage: $(VENV)/ready
	$(RUN) pytest -q $(FAST) $(COVERAGE)

# Breaks rules of the code one at a time, in a copy, and tells which break no test has caught.
mutations: $(VENV)/ready
	$(RUN) tests.mutations

# Exact versions with hashes, for all platforms; run after a change of dependencies.
lock: $(VENV)/ready
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --group dev pyproject.toml \
		-o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml \
		-o deploy/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --all-extras pyproject.toml \
		-o deploy/cluster.lock

clean:
	rm -rf $(VENV) data/demo.db data/demo.truth.json data/lake
