# make demo   sets up .venv and runs the main job on the digital head; look at out/demo/figure.png
# make test   sets up .venv, checks format, lint and types, and runs the tests
# make bench  measures the projector beside its peers, and live use; writes Testing/benchmarks/results
#
# On Linux the default package index serves torch's CUDA build; it runs on a CPU too, but is large. For the small
# CPU build give the address of PyTorch's CPU wheel index: make demo TORCH_INDEX=...
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
OUT ?= out/demo

BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
TESTING := $(VENV)/.testing-installed
# Two test workers with one thread each: torch's and elastix's own threads would only fight over the cores.
WORKERS ?= 2

.PHONY: demo test bench lint clean

demo: $(RUNTIME)
	$(BIN)/mr2xray demo --out $(OUT)

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Peers are measured where they are installed: itk-rtk comes with the tests; nanodrr, diffdrr and plastimatch are
# the user's to add.
bench: $(TESTING)
	$(BIN)/python Testing/benchmarks/projector.py
	$(BIN)/python Testing/benchmarks/live.py

lint: $(TESTING)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(RUNTIME): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(TESTING): $(RUNTIME)
	$(BIN)/python -m pip install --quiet --editable ".[test,peers]"
	touch $@

clean:
	rm -rf $(VENV) out build
