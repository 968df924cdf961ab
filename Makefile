# make bench-all runs the published comparison; variables pass options through, for example
#   make bench-all DEVICE=cpu EPOCHS=2 SAMPLES=512 DATA=synthetic
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python -m runner
PUBLISHED := mxnet-k122 tf-cntk-k208 theano-k208

# NAME=value on make's command line becomes --name value, for the options that every run takes.
option = $(if $($(1)),--$(2) '$($(1))')
several = $(if $($(1)),--$(2) $($(1)))
RUN_OPTIONS = $(call several,MODEL,model) $(call several,BACKEND,backend) \
	$(call option,DEVICE,device) $(call option,GPU,gpu) $(call option,EPOCHS,epochs) \
	$(call option,SAMPLES,samples) $(call option,SEED,seed) $(call option,REPEATS,repeats) \
	$(call option,DATA,data) $(call option,THREADS,threads) $(call option,MEMORY,memory) \
	$(call option,TIMEOUT,timeout) $(call option,RESULTS,results) \
	$(call option,UNTIL,until) $(call option,WAIT,wait) \
	$(call option,LAUNCHER,launcher) $(call option,ENGINE,engine) $(BUILD_OPTIONS)
BUILD_OPTIONS = $(call option,BASE_IMAGE,base-image) $(call option,CA_BUNDLE,ca-bundle) \
	$(call option,PACKAGE_INDEX,package-index) $(call option,WHEELS,wheels)

.PHONY: help setup dev bench bench-all build-all published test lint clean
help:  ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14
	@echo "Options: MODEL BACKEND DEVICE GPU EPOCHS SAMPLES SEED REPEATS DATA UNTIL THREADS MEMORY TIMEOUT"
	@echo "         WAIT RESULTS LAUNCHER ENGINE BASE_IMAGE CA_BUNDLE PACKAGE_INDEX WHEELS"

setup: $(VENV)/.installed  ## Make a virtual environment and install the runner in it
dev: $(VENV)/.dev          ## The same, with what the tests and linters need

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

bench: EPOCHS ?= 3
bench: SAMPLES ?= 256
bench: DEVICE ?= auto
bench: $(VENV)/.installed  ## A small comparison of TensorFlow and JAX on whatever is there
	@$(RUN) --config tf-k3 jax-k3 $(RUN_OPTIONS)
	@echo "next: make bench EPOCHS=5 SAMPLES=60000 for steadier figures, make help for the rest,"
	@echo "      make bench-all for the comparison published in 2017"

bench-all: $(VENV)/.installed  ## The published comparison: three images, five models
	@$(RUN) --config $(PUBLISHED) $(RUN_OPTIONS)

build-all: $(VENV)/.installed  ## Build the images of the published comparison only
	@$(RUN) build --config $(PUBLISHED) $(call option,DEVICE,device) \
		$(call option,ENGINE,engine) $(BUILD_OPTIONS)

published: $(VENV)/.installed  ## Print the figures published in 2017
	@$(RUN) published

test: $(VENV)/.dev  ## Run the tests; REQUIRE_ENGINE=1 makes a missing Docker engine a failure
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.dev  ## Check style and types, and that models/ loads on Python 3.5
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check runner tests
	$(VENV)/bin/mypy
	$(VENV)/bin/vermin --quiet --target=3.5- --violations --no-tips models docker tests/fakes tests/faults/job

clean:  ## Remove the virtual environment and caches (never results)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
