# make bench-all runs the published comparison; variables pass options through, for example
#   make bench-all DEVICE=cpu EPOCHS=2 SAMPLES=512 DATA=synthetic
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python -m runner
BENCHED := tf-k3 jax-k3 torch-k3
PUBLISHED := mxnet-k122 tf-cntk-k208 theano-k208

# NAME=value on make's command line becomes --name value, for the options that every run takes. A
# variable of the shell does not: DATA or TIMEOUT may be set there for something else.
quote = '
given = $(if $(filter command,$(origin $(1))),$(value $(1)),$(if $(filter file,$(origin $(1))),$($(1))))
quoted = $(quote)$(subst $(quote),$(quote)\$(quote)$(quote),$(1))$(quote)
option = $(if $(call given,$(1)),--$(2) $(call quoted,$(call given,$(1))))
several = $(if $(call given,$(1)),--$(2) $(foreach one,$(call given,$(1)),$(call quoted,$(one))))
# NAME=option of each axis that is declared.
AXES := $(shell awk -F'"' '/^  "/ { option = $$2; gsub("_", "-", option); \
	print toupper($$2) "=" option }' models/job/axes.json)
# What a resumed run measures is what it was begun with.
configurations = $(if $(call given,RESUME),,--config $(1))
RUN_OPTIONS = $(call option,STUDY,study) $(call several,MODEL,model) $(call several,BACKEND,backend) \
	$(call option,DEVICE,device) $(call option,GPU,gpu) $(call option,EPOCHS,epochs) \
	$(call option,SEED,seed) $(call option,REPEATS,repeats) \
	$(foreach axis,$(AXES),$(call several,$(firstword $(subst =, ,$(axis))),$(lastword $(subst =, ,$(axis))))) \
	$(call option,DATA,data) $(call option,MEMORY,memory) \
	$(call option,UNTIL,until) $(call option,BUDGET,budget) $(call option,SAME_WITHIN,same-within) \
	$(call option,WAIT,wait) $(call option,RESULTS,results) \
	$(call option,RESUME,resume) $(call option,RETRY,retry) \
	$(call option,TIMEOUT,timeout) $(call option,SILENCE,silence) \
	$(call option,LAUNCHER,launcher) $(call option,ENGINE,engine) $(BUILD_OPTIONS)
BUILD_OPTIONS = $(call option,BASE_IMAGE,base-image) $(call option,CA_BUNDLE,ca-bundle) \
	$(call option,PACKAGE_INDEX,package-index) $(call option,WHEELS,wheels) \
	$(call option,BUILD_JOBS,build-jobs)

OPTIONS = STUDY MODEL BACKEND DEVICE GPU EPOCHS SEED REPEATS UNTIL BUDGET SAME_WITHIN \
	$(foreach axis,$(AXES),$(firstword $(subst =, ,$(axis)))) DATA MEMORY WAIT RESUME RETRY \
	TIMEOUT SILENCE RESULTS LAUNCHER ENGINE \
	BASE_IMAGE CA_BUNDLE PACKAGE_INDEX WHEELS BUILD_JOBS
# Said once, where it might have been meant.
say_unused = $(foreach one,$(OPTIONS),$(if $(filter environment,$(origin $(one))),$(info \
	note: $(one) of the environment is not used; make $@ $(one)=... passes it on)))

.PHONY: help setup dev doctor bench bench-all report build-all gpu-kit published test test-real minimums \
	faults benchmarks benchmarks-check lint format check coverage clean
help:  ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14
	@echo "Options, as in make bench SEED=1: $(OPTIONS), PYTHON VENV" | fold -s -w 90

setup: $(VENV)/.installed  ## Make a virtual environment and install the runner in it
dev: $(VENV)/.dev          ## The same, with what the tests and linters need

# Without what a user set for installing elsewhere.
PIP_INSTALL = env -u PIP_TARGET -u PIP_PREFIX -u PIP_CONSTRAINT PIP_USER=0 \
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps
# A lock is complete: to look dependencies up could only fail, as it does with pip before 23.3 on
# the day of a new release of a package that another one wants with an extra.

$(VENV)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --require-hashes --requirement requirements.lock
	$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.lock
	$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

doctor: $(VENV)/.installed  ## Say whether a run can work here, and what to do where it cannot
	@$(RUN) doctor $(call several,MODEL,model) $(call several,BACKEND,backend) \
		$(call option,DEVICE,device) $(call option,GPU,gpu) $(call option,DATA,data) \
		$(call option,RESULTS,results) $(call option,LAUNCHER,launcher) \
		$(call option,ENGINE,engine) $(call option,CA_BUNDLE,ca-bundle) \
		$(call option,PACKAGE_INDEX,package-index)

ifeq ($(call given,RESUME),)
bench: BUDGET = $(if $(call given,REPEATS)$(call given,UNTIL),,10m)
bench: MODEL = mnist_mlp mnist_cnn babi_rnn
endif
at_most = $(if $(call given,BUDGET)," at most" $(call quoted,$(call given,BUDGET)) "of measuring")
bench: $(VENV)/.installed  ## Which backend of Keras 3 is fastest here, in about ten minutes
	@$(say_unused)echo "bench: TensorFlow, JAX and PyTorch under Keras 3"$(at_most)
	@$(RUN) $(call configurations,$(BENCHED)) $(RUN_OPTIONS)
	@echo "next: make report, a page with charts, in seconds; make bench BUDGET=1h, which tells closer"
	@echo "      ones apart; make bench MODEL='cifar10_cnn mnist_hrnn', the other two models"

ifeq ($(call given,RESUME),)
bench-all: STUDY = bhatia2017
endif
bench-all: $(VENV)/.installed  ## The published comparison: three images, five models; or STUDY
	@$(say_unused)$(RUN) $(RUN_OPTIONS)

report: $(VENV)/.installed  ## Write the latest run as one page, report.html
	@$(RUN) report latest --html report.html $(call option,RESULTS,results)

build-all: $(VENV)/.installed  ## Build the images of the published comparison only
	@$(RUN) build --config $(PUBLISHED) $(call option,DEVICE,device) \
		$(call option,ENGINE,engine) $(BUILD_OPTIONS)

KIT = gpu-kit
KIT_PYTHON = 3.12
gpu-kit: $(VENV)/.installed  ## A folder for a machine with a GPU and no network: KIT, KIT_PYTHON
	@VENV=$(VENV) docker/gpu-kit/gather.sh $(call quoted,$(KIT)) $(call quoted,$(KIT_PYTHON))

published: $(VENV)/.installed  ## Print the figures published in 2017, or those of STUDY
	@$(RUN) published $(call option,STUDY,study)

PYTEST = $(VENV)/bin/python -m pytest --durations=10
# What each test needs, its fixtures say: tests/needs.py.
test: $(VENV)/.dev  ## Run the tests that need no engine, framework, browser or queue, on all cores
	$(PYTEST) -m "not real" -n auto

# More processes than cores: these tests wait for engines and queues more than they compute.
REAL = real
test-real: $(VENV)/.dev  ## Run the others and say what they need; REQUIRE_ENGINE=1 forbids skips
	$(PYTEST) -m "$(REAL)" -n 4

MINIMUMS := .venv-minimums
UV = $(VENV)/bin/uv --no-config

# Of what pyproject.toml names, the lowest versions; of all that those need, the newest.
$(MINIMUMS)/.installed: $(VENV)/.installed pyproject.toml
	$(UV) venv --quiet --clear --python 3.11 $(MINIMUMS)
	$(UV) pip install --quiet --python $(MINIMUMS)/bin/python --resolution lowest-direct \
		--editable '.[dev,mlflow]'
	@touch $@

minimums: $(MINIMUMS)/.installed  ## Run tests with the lowest versions that pyproject.toml allows
	$(MINIMUMS)/bin/python -m pytest --ignore tests/engine --ignore tests/faults \
		--ignore tests/frameworks --ignore tests/docker/test_gpu_kit.py  # the kit holds the locks

faults: $(VENV)/.dev  ## Break things on purpose, at length: kills, attacks, damaged files
	FAULTS=long $(VENV)/bin/python -m pytest tests/faults

SPEED = cd benchmarks && $(abspath $(VENV))/bin/python -m speed
benchmarks: $(VENV)/.dev  ## Measure how fast the runner itself is: ONLY="reads host" for parts of it
	@$(SPEED) $(if $(ONLY),--only $(ONLY))

benchmarks-check: $(VENV)/.dev  ## A small part of it; fails where it is a quarter slower than kept
	@$(SPEED) --check $(if $(ONLY),--only $(ONLY))

PYTHON_35 = models docker benchmarks/bare.py benchmarks/original.py benchmarks/turns.py tests/fakes tests/faults/job
FORMATTED = runner tests examples docs/*.py setup.py

lint: $(VENV)/.dev  ## Check style, types, spelling, the order of imports, and Python 3.5's syntax
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check $(FORMATTED)
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --config-file tests/mypy.ini tests benchmarks
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/codespell
	$(VENV)/bin/vermin --quiet --target=3.5- --violations --no-tips $(PYTHON_35)

format: $(VENV)/.dev  ## Fix what ruff can fix, and format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format $(FORMATTED)

check: lint test test-real  ## Everything that must hold before a commit

coverage: $(VENV)/.dev  ## Run the tests that need no engine, and fail below the coverage reached
	$(VENV)/bin/python -m pytest --cov --cov-report term:skip-covered --ignore tests/engine \
		--ignore tests/faults --ignore tests/frameworks

clean:  ## Remove the virtual environment and caches (never results)
	rm -rf $(VENV) $(MINIMUMS) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
