PYTHON ?= python3
BIN := .venv/bin
WORKERS := -n 4
BY_MODULE := $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test check faults pictures
demo: .venv/run
	@$(BIN)/python app.py demo $(ARGS)

# half of the time of a test is waiting, for sockets, leases and processes: four share two cores
test: .venv/dev
ifdef ARGS
	@$(BIN)/python -m pytest $(BY_MODULE) $(ARGS)
else
	@$(BIN)/python -m pytest $(BY_MODULE) --ignore tests/faults
	@$(BIN)/python -m pytest $(WORKERS) --dist load tests/faults
endif

faults: .venv/dev
	@$(BIN)/python -m tests.faults $(ARGS)

# what docs/tour.md shows, drawn anew in Chromium
pictures: .venv/dev
	@$(BIN)/python -m tests.browser.pictures $(ARGS)

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
