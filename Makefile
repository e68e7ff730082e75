# Everything runs in .venv, made from the python3 on the PATH (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS := 1

.PHONY: help figure paper test plain oracle bench check clean tutorials notebooks gallery

help:      ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

figure: $(VENV)/installed  ## the main job: Figure 3 of Hinton & Salakhutdinov (2006), into results/hinton2006
	$(BIN)/tinyae hinton2006

paper: $(VENV)/installed  ## every experiment of that paper, by its own recipe and by ours, and one page on them: hours, stop and go on at will
	$(BIN)/tinyae hinton2006 --experiment all --recipe modern --resume --out results/paper
	$(BIN)/tinyae hinton2006 --experiment all --recipe paper --resume --out results/paper

test: $(VENV)/installed-test  ## the suite: needs neither network nor data sets
	$(BIN)/python -m pytest -q -n auto -m 'not slow'

# Without the tests of imports and of the command line, which call no kernels that others do not.
plain: $(VENV)/installed-test  ## the suite with the kernels as plain Python
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q -n auto -m 'not slow' --ignore=tests/test_import.py \
		--ignore=tests/test_cli.py --ignore-glob='tests/test_*_command.py' --ignore=tests/test_catalogue.py

# The files of which `make test` leaves out or skips something.
oracle: $(VENV)/installed-oracle  ## slow tests, real data, and the suite beside PyTorch, SciPy and scikit-learn
	$(BIN)/python -m pytest -q -n auto $$(grep -lE 'importorskip|mark\.(slow|realdata|oracle)' tests/test_*.py)

bench: $(VENV)/installed-oracle  ## times, memory and cold start beside PyTorch and Keras, into tests/benchmarks/README.md (30 minutes, idle machine)
	$(BIN)/python tests/benchmarks/run.py

tutorials: $(VENV)/installed-tutorials  ## run every tutorial and every solution from top to bottom (JOBS=2: two at a time)
	$(BIN)/python -m tutorials.tools run --jobs $(JOBS)

notebooks: $(VENV)/installed-tutorials  ## the tutorials as .ipynb, beside them
	$(BIN)/python -m tutorials.tools notebooks

gallery: $(VENV)/installed-tutorials  ## the executed tutorials as offline pages: results/gallery/index.html
	$(BIN)/python -m tutorials.tools gallery

check: $(VENV)/installed-dev  ## formatting and lint
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

clean:     ## remove the virtual environment and the results
	rm -rf $(VENV) results

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

# installed-test, installed-oracle, installed-dev: the extra of that name, on top.
$(VENV)/installed-%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,$*]'
	@touch $(VENV)/installed $@
