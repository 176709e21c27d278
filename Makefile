# PYTHON=python3.12 chooses the interpreter behind .venv; ARGS=... goes to the demo or to pytest.
.DEFAULT_GOAL := help
.PHONY: help demo test soak table1 ratios lint types audit licences lock clean system

BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
VENV := .venv/$(BIN)
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Empty unless $(1) is a Python for which every package of constraints.txt has wheels.
suits = $(shell $(1) -c 'import sys; (3, 11) <= sys.version_info < (3, 15) and print("$(1)")' 2>/dev/null)
CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(call suits,$(name))))

# Each has windows of its own, which take a gigabyte.
ON_ALL_CORES := -n logical --maxprocesses 4 --dist loadfile

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: system $(STAMP)  ## Show the window on the sample data
	@$(VENV)/htcell demo $(ARGS)

test: system $(STAMP)  ## Run the tests
	@$(VENV)/python -m pytest $(or $(ARGS),$(ON_ALL_CORES))

soak: system $(STAMP)  ## Kill, fuzz and repeat for hours; results in benchmarks/
	@$(VENV)/python -m pip install -qq -c constraints.txt -e ".[fuzz]" || true
	@$(VENV)/python benchmarks/kills.py --moments 200 --output benchmarks/kills.json
	@$(VENV)/python benchmarks/fuzz.py --seconds 300 --output benchmarks/fuzz.json
	@$(if $(shell command -v xvfb-run),xvfb-run -a -s "-screen 0 1600x1000x24") \
	    $(VENV)/python benchmarks/soak.py --cycles 500 --output benchmarks/soak.json

table1: $(STAMP)  ## Print the paper's Table 1 on real images, quickly
	@$(VENV)/python benchmarks/table1.py --data t98g --seeds 1 --scale 0.5 $(ARGS)

ratios: $(STAMP)  ## Check that nothing has become slow
	@$(VENV)/python benchmarks/check_ratios.py

lint: $(STAMP)  ## Check style and format
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .

types: $(STAMP)  ## Check types
	@$(VENV)/mypy

audit: $(STAMP)  ## Look for known advisories on the locked packages
	@sh tools/audit.sh $(VENV)

licences: $(STAMP)  ## Rewrite docs/licences.md
	@$(VENV)/python tools/licences.py > docs/licences.md

lock:  ## Rewrite constraints.txt with the newest versions
	@$(PYTHON) -m venv build/lock
	@build/lock/$(BIN)/python -m pip install -qq uv
	@build/lock/$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --fork-strategy fewest --no-emit-package pip --no-annotate --no-header \
	    --extra all --extra dev --extra fuzz --output-file build/lock/versions.txt pyproject.toml
	@echo '# All packages of all extras, for every system and Python supported; `make lock` wrote it.' \
	    > constraints.txt
	@sed 's/ ;.*//' build/lock/versions.txt >> constraints.txt

clean:  ## Remove .venv, builds and caches
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

system:
	@sh tools/system_libraries.sh

$(STAMP): pyproject.toml constraints.txt
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "Python 3.11 to 3.14 is needed$(if $(PYTHON),: $(PYTHON) is not one): make PYTHON=path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) lacks venv: install it (Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }
	@echo "Installing (first run only, a few minutes)..."
	@$(PYTHON) -m venv .venv
	@$(VENV)/python -m pip install -qq -c constraints.txt -e ".[all,dev]"
	@touch $@
