# `make demo` and `make test` need Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_MODEL := demo-model
LANGUAGE ?= english
TIME ?= 62m
# As many tests at once as there are processors: each of the longest is a program that starts.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
# JAX compiles for a second or more what each test then runs for milliseconds.
JAX_CACHE := JAX_COMPILATION_CACHE_DIR=$(CURDIR)/$(VENV)/jax-cache JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

# Files in these that import a framework are left out.
FAST := tests/settings tests/storage tests/text tests/sampling tests/model tests/analysis tests/training \
  tests/cli/display tests/cli/test_console.py tests/cli/test_formatting.py tests/cli/test_base_command.py \
  tests/test_errors.py tests/test_docs.py tests/test_docstrings.py tests/test_public_names.py \
  tests/test_structure.py

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-backends smoke-backends setup check format bench soak docs
.PHONY: fuzz demo-page wasm test-install test-lowest starter clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/installed  ## train for about a minute on Python's own documentation, then print samples
	$(BIN)/textgen train --demo --model $(DEMO_MODEL) --time 1m --force
	$(BIN)/textgen sample --model $(DEMO_MODEL) -n 3 --length 300

demo-page: $(VENV)/installed  ## write docs/demo.html, a page with a model of Python's own documentation: five minutes
	$(BIN)/textgen train --demo --model build/python-documentation --time 5m --units 352 --force
	$(BIN)/textgen export --model build/python-documentation --format html --weights int8 -o docs/demo.html --force

test: $(VENV)/installed-dev  ## run all tests
	$(BIN)/python -m pytest $(PARALLEL)

test-fast: $(VENV)/installed-dev  ## run the tests that need no Keras: under a minute
	$(BIN)/python -m pytest $(PARALLEL) --no-framework $(FAST)

# PyTorch's threads of two tests at once wait for each other, for minutes.
test-backends: $(VENV)/installed-backends  ## run all tests on JAX, then on PyTorch
	KERAS_BACKEND=jax $(JAX_CACHE) $(BIN)/python -m pytest $(PARALLEL)
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL)

smoke-backends: $(VENV)/installed-backends  ## train for a moment on JAX, on PyTorch, and with two processes
	$(JAX_CACHE) $(BIN)/python -m pytest tests/compute/test_backends.py tests/distributed/test_together.py \
	  -k '(the_command_trains and not tensorflow) or (two_processes_train_on_documents and carried)'

setup: $(VENV)/installed-dev  ## make the virtual environment in .venv

check: $(VENV)/installed-dev  ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPY_NUM_WORKERS=2 $(BIN)/mypy

format: $(VENV)/installed-dev  ## format the code and fix what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-backends  ## run the benchmarks: make bench CORPUS=tinyshakespeare.txt (six hours, 12 GB of disk)
	@test -f "$(CORPUS)" || { echo 'name a corpus: make bench CORPUS=tinyshakespeare.txt' >&2; exit 1; }
	$(BIN)/python -m benchmarks.prepare
	$(BIN)/python -m benchmarks.novelty
	$(BIN)/python -m benchmarks.presets $(CORPUS)
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.serve
	$(BIN)/python -m benchmarks.targets $(CORPUS)
	$(BIN)/python -m benchmarks.steps
	$(BIN)/python -m benchmarks.output_layer
	$(BIN)/python -m benchmarks.tokens $(CORPUS) --tokens characters bpe
	$(BIN)/python -m benchmarks.training $(CORPUS)
	$(BIN)/python -m benchmarks.starts $(CORPUS) --seconds 60 --seeds 0 1 2
	$(BIN)/python -m benchmarks.overhead $(CORPUS)
	$(BIN)/python -m benchmarks.sizing $(CORPUS)
	$(BIN)/python -m benchmarks.sizing $(CORPUS) --shape
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.processes $(CORPUS)
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.gpu $(CORPUS)
	$(BIN)/python -m benchmarks.gpu $(CORPUS) --device cpu --networks 256 512,512 --seconds 60

soak: $(VENV)/installed-dev  ## kill, resume, fill disks and damage files for a quarter of an hour
	$(BIN)/python -m benchmarks.soak

fuzz: $(VENV)/installed-dev  ## send a server 20,000 requests that no client should send
	$(BIN)/python -m benchmarks.fuzz_server

docs: $(VENV)/installed-dev  ## write docs/cli.md, docs/textgen.1 and docs/errors.md from the program, and renew the page in docs/demo.html
	$(BIN)/python docs/generate_cli.py > docs/cli.md
	$(BIN)/python docs/generate_man.py > docs/textgen.1
	$(BIN)/python docs/generate_errors.py > docs/errors.md
	$(BIN)/python docs/generate_demo.py

wasm:  ## build the arithmetic of the JavaScript engine from its source (needs wabt: apt-get install wabt)
	wat2wasm textgen/exporting/web/kernels.wat -o textgen/exporting/web/kernels.wasm

test-install: $(VENV)/installed-dev  ## run the wheel in an empty environment for each Python from 3.11 to 3.13 found
	$(BIN)/python -m pytest -n 3 -m install tests/test_install.py

test-lowest:  ## run the tests with the oldest dependencies that pyproject.toml allows
	$(PYTHON) -m venv $(VENV)-lowest
	sed -nE 's|^ *"([a-z0-9-]+)>=([0-9]+[.][0-9]+[.][0-9]+)[",].*|\1==\2|p' pyproject.toml | sort -u > $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/pip install --quiet --editable '.[dev]' --constraint $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pytest $(PARALLEL)

# Needs npm, Debian's apt-get and an hour of two cores.
starter: $(VENV)/installed  ## build the pretrained model of a language: make starter LANGUAGE=english TIME=62m
	$(BIN)/python -m starters.build $(LANGUAGE) --time $(TIME)

clean:  ## remove everything that make created
	rm -rf $(VENV) $(VENV)-lowest $(DEMO_MODEL) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo 'textgen needs Python 3.11, 3.12 or 3.13: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed

# PyTorch as the benchmarks have it, so that both share one.
$(VENV)/installed-backends: pyproject.toml | $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[jax,bench]'
	@touch $@
