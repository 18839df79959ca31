# Every target makes its own .venv first. UV is used where it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
EXTRAS := demo,test
# Much of the suite waits for servers and children: three at a time take the least, on two cores too. In order: else the longest test would begin last.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not large"
STAMP := $(VENV)/.installed

.PHONY: demo test check format lint types large screenshots bench torture torture-full soak lock clean

demo: $(STAMP)
	$(BIN)/s3tui demo

test: $(STAMP)
	$(PYTEST)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

large: $(STAMP)
	$(BIN)/python -m pytest -m large

screenshots: $(STAMP)
	$(BIN)/python -m tests.tui.pictures screenshots

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks $(BENCH)

torture: $(STAMP)
	$(BIN)/python -m tests.torture $(TORTURE)

torture-full: $(STAMP)
	$(BIN)/python -m tests.torture --full $(TORTURE)

# SOAK: seconds of chaos on the line.
SOAK ?= 14400
soak: $(STAMP)
	$(BIN)/python -m tests.torture --only soak --soak $(SOAK) $(TORTURE)

# The versions of everything that is installed, so that a fresh copy is the same program.
lock: $(STAMP)
	$(BIN)/python -m pip freeze --exclude-editable | grep -v -i "^s3tui" > constraints.txt

$(STAMP): pyproject.toml constraints.txt
ifdef UV
	test -x $(BIN)/python || $(UV) venv --python 3.11 $(VENV) || $(UV) venv $(VENV)
	$(UV) pip install --python $(BIN)/python -c constraints.txt -e ".[$(EXTRAS)]"
else
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[$(EXTRAS)]"
endif
	touch $@

clean:
	rm -rf $(VENV) .bench-venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
