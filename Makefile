PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check faults
demo: .venv/run
	@$(BIN)/python app.py demo $(ARGS)

# the fault tests mostly wait for leases, processes and lost answers: more of them share a core
test: .venv/dev
ifdef ARGS
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)
else
	@$(BIN)/python -m pytest -n auto --dist loadfile --ignore tests/faults
	@$(BIN)/python -m pytest -n 4 --dist load tests/faults
endif

faults: .venv/dev
	@$(BIN)/python -m tests.faults $(ARGS)

check: .venv/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

.venv/run: requirements/run.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what invsync needs into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.venv/dev: requirements/dev.txt .venv/run
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@
