# Set up, open the course, run the tests. Needs make and Python 3.11 or newer, nothing else.
#
#   make lab              open the course in JupyterLab (PORT=9000 to choose the port)
#   make test             run every test
#   make bench            measure this machine and cnnkit on it, beside PyTorch
#   make help             the other targets
#
# Everything is installed into .venv; a second run installs nothing unless pyproject.toml or
# constraints.txt changed. PYTHON=/path/to/python chooses another Python than the one found.

VENV := .venv
# Windows' layout, for make from Git Bash or MSYS2.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
STAMPS := $(VENV)/installed
INSTALL := $(PY) -m pip install -qq --disable-pip-version-check -c constraints.txt
# Where Python starts in the folder that holds this clone, called cnnkit like the package, an editable install
# alone would lose to that folder: `import cnnkit` would find a package with nothing in it.
ON_PATH := $(PY) -c 'import os, pathlib, sysconfig; \
  pathlib.Path(sysconfig.get_path("purelib"), "cnnkit_clone.pth").write_text(os.getcwd() + "\n")'

# An environment knows its folder by its full path, and its Python by a link: after a move, or when that
# Python is gone, it is made anew.
STALE := $(shell [ ! -e $(STAMPS)/folder ] || { [ -x $(PY) ] && [ "$$(cat $(STAMPS)/folder)" = "$$(pwd)" ]; } || echo yes)
ifeq ($(STALE),yes)
$(shell rm -rf $(STAMPS))
endif

.PHONY: lab test test-slow test-browser test-devices test-bench bench latency lint audit course clean help
.DEFAULT_GOAL := help

lab: $(STAMPS)/lab
	@$(PY) -m cnnkit lab $(if $(PORT),--port $(PORT))

test: $(STAMPS)/test
	@$(PY) tests/run.py

test-slow: $(STAMPS)/test
	@$(PY) tests/run.py slow

test-browser: $(STAMPS)/browser
	@$(PY) tests/run.py browser

# DEVICES holds its options: make test-devices DEVICES="--whole rusticl"
test-devices: $(STAMPS)/test
	@$(PY) tests/devices.py $(DEVICES)

test-bench: $(STAMPS)/bench
	$(PY) -m pytest -q tests/bench
	$(PY) -m cnnkit bench --quick

# BENCH holds its options: make bench BENCH=--quick
bench: $(STAMPS)/bench
	@$(PY) -m cnnkit bench $(BENCH)

# LATENCY holds its options: make latency LATENCY=--quick
latency: $(STAMPS)/browser
	@$(PY) tests/browser/latency.py $(LATENCY)

lint: $(STAMPS)/test
	$(PY) -m ruff check
	$(PY) -m ruff format --check cnnkit tests course/exercises
	$(PY) -m mypy

audit: $(STAMPS)/audit
	@$(PY) tests/audit.py

course: $(STAMPS)/test
	$(PY) course/build.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

help:
	@echo "make lab           open the course in JupyterLab; PORT=9000 chooses the port"
	@echo "make test          run every test, the notebooks included"
	@echo "make test-slow     run the tests that take minutes"
	@echo "make test-browser  run the tests that drive JupyterLab in Chromium"
	@echo "make test-devices  run the tests on every OpenCL device that is installed; DEVICES=--list: which"
	@echo "make test-bench    check that PyTorch computes the same as cnnkit, and measure both quickly"
	@echo "make bench         measure cnnkit on this machine, beside PyTorch; BENCH=--quick: in a minute"
	@echo "make latency       measure from key press to picture in Chromium, for every explorer; LATENCY=--quick: sooner"
	@echo "make lint          check style and types"
	@echo "make audit         look for known vulnerabilities of what cnnkit depends on, and at the licenses"
	@echo "make course        make the notebooks from course/source"
	@echo "make clean         remove .venv, builds and caches; your notebooks stay"

# Keep an environment that works; otherwise make one with the first Python that can.
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python)
$(STAMPS)/venv:
	@if [ "$(STALE)" = yes ] || ! $(PY) $(NEW_ENOUGH); then \
	  found=; bare=; \
	  for python in $(CANDIDATES); do \
	    "$$python" $(NEW_ENOUGH) || continue; \
	    if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; break; fi; \
	    bare=$$python; \
	  done; \
	  if [ -n "$$found" ]; then \
	    echo "Making the environment $(VENV) with $$("$$found" --version)."; \
	    "$$found" -m venv --clear $(VENV) || exit 1; \
	  elif [ -n "$$bare" ]; then \
	    echo "cnnkit: $$bare cannot make a virtual environment because its module ensurepip is missing;" \
	      "on Debian or Ubuntu run 'sudo apt install python3-venv', then this command again." >&2; exit 1; \
	  else \
	    there="$$($(if $(PYTHON),"$(PYTHON)",python3) --version 2>&1)" || there="not there"; \
	    echo "cnnkit: Python 3.11 or newer is needed, and $(if $(PYTHON),$(PYTHON),python3) is $$there; install one" \
	      "from https://www.python.org/downloads or name one, as in: make lab PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	fi
	@mkdir -p $(STAMPS) && pwd > $(STAMPS)/folder && touch $@

$(STAMPS)/lab: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo "Installing cnnkit, JupyterLab and what they need (about 1 GB; 1 to 5 minutes, once)."
	@$(INSTALL) -e . && $(ON_PATH)
	@touch $@

$(STAMPS)/test: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo "Installing cnnkit, JupyterLab and the test tools (about 1 GB; 1 to 5 minutes, once)."
	@$(INSTALL) -e '.[test]' && $(ON_PATH)
	@touch $(STAMPS)/lab $@

$(STAMPS)/browser: $(STAMPS)/test
	@echo "Installing playwright (half a minute, once)."
	@$(INSTALL) -e '.[test,browser]'
	@touch $@

$(STAMPS)/audit: $(STAMPS)/test
	@echo "Installing pip-audit (half a minute, once)."
	@$(INSTALL) -e '.[test,audit]'
	@touch $@

$(STAMPS)/bench: $(STAMPS)/test
	@echo "Installing PyTorch to measure beside (up to 1 GB; a few minutes, once)."
	@$(INSTALL) -e '.[test,bench]'
	@touch $@
