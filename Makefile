# The front door: targets only call the command line of the package. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup train translate bleu compare notebooks test test-all lint bench clean

DEFAULT := data/default.toml
RECIPE ?= $(DEFAULT)
RUN ?=
BUDGET ?= small
ARGS ?=
NMT := .venv/bin/python -m nmt

# The shell sees TEXT as it was typed: quotes, $ and backticks included.
export NMT_TEXT := $(value TEXT)
unexport TEXT
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:
	@echo "make train      train a translator, or go on where training stopped; then score it on the test set"
	@echo "                RECIPE=data/....toml  RUN=runs/...  ARGS=\"section.key=value ...\""
	@echo "make translate  translate stdin, or TEXT=\"...\", with RUN (default: the trained one)"
	@echo "make bleu       BLEU and chrF of RUN on its test set, with signature and interval"
	@echo "make compare    train and measure systems that differ in one thing each (under 15 minutes on two cores);"
	@echo "                BUDGET=full: on Multi30k, two hours; stopped, the same command goes on"
	@echo "make bench      how fast this machine trains, and translates with RUN (under 10 minutes, nothing else running)"
	@echo "make notebooks  run the notebooks, into notebooks/executed (about 15 minutes; later runs use what was trained)"
	@echo "make test       the tests (about 5 minutes);  make test-all  the slow ones too;  make lint  style"
	@echo "make setup      only install the packages into .venv;  make help  this list"
	@echo "make clean      remove .venv; runs and downloads stay"
	@echo "recipes: $(wildcard data/*.toml)"

.venv/ready: setup.cfg constraints.txt
	@for python in python3.13 python3.12 python3.11 python3 python; do \
	  if $$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "setting up .venv with $$($$python --version)" >&2; $$python -m venv .venv && break; fi; \
	done; \
	test -x .venv/bin/python || { echo "Python 3.11, 3.12 or 3.13 with venv is needed" >&2; exit 1; }
	@.venv/bin/python -m pip install -q -c constraints.txt -e ".[test,ja,tensorboard,onnx,plots]" >&2 || \
	  { echo "the packages could not be installed; is the network there? run the same command again" >&2; exit 1; }
	@touch $@

# What runs notebooks is installed for those who run them.
.venv/notebooks: .venv/ready
	@.venv/bin/python -m pip install -q -c constraints.txt -e ".[notebooks]" >&2 || \
	  { echo "the packages could not be installed; is the network there? run the same command again" >&2; exit 1; }
	@touch $@

setup: .venv/ready

train: .venv/ready
	@run="$(RUN)"; run="$${run:-runs/$(basename $(notdir $(RECIPE)))}"; \
	$(NMT) fetch $(RECIPE) $(ARGS); status=$$?; \
	if [ $$status = 1 ] && [ "$(RECIPE)" = "$(DEFAULT)" ]; then \
	  echo "The default corpus cannot be fetched: training data/toy.toml into runs/toy instead" >&2; \
	  $(NMT) train data/toy.toml --run runs/toy && $(NMT) evaluate runs/toy --once && \
	  echo "This was data/toy.toml in runs/toy, a generated corpus: the default one cannot be fetched" >&2; \
	elif [ $$status != 0 ]; then exit $$status; \
	else \
	  $(NMT) train $(RECIPE) $(ARGS) --run "$$run" && $(NMT) evaluate "$$run" --once && \
	  if grep -q '^architecture = "language_model"' "$$run/recipe.toml"; \
	  then echo "have it write with: .venv/bin/nmt generate $$run" >&2; \
	  else echo "translate with: make translate RUN=$$run" >&2; fi; \
	fi

# RUN, or the default run, or the toy where that is all there is.
CHOSEN = $(or $(RUN),$(firstword $(patsubst %/run.json,%,$(wildcard runs/default/run.json runs/toy/run.json))),runs/default)

translate: .venv/ready
	@echo "translating with $(CHOSEN)" >&2
	@if [ -n "$$NMT_TEXT" ]; then printf '%s\n' "$$NMT_TEXT" | $(NMT) translate "$(CHOSEN)"; \
	else $(NMT) translate "$(CHOSEN)"; fi

bleu: .venv/ready
	@$(NMT) evaluate "$(CHOSEN)"

compare: .venv/ready
	@$(NMT) compare --budget $(BUDGET) $(ARGS)

notebooks: .venv/notebooks
	@.venv/bin/python notebooks/execute.py $(ARGS)

# A process a core, four at most: each takes up to 2 GB.
PYTEST := .venv/bin/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal

test: .venv/ready
	@$(PYTEST)

test-all: .venv/notebooks
	@$(PYTEST) -m ""

lint: .venv/ready
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .

# Figures are true only while nothing else runs.
bench: .venv/ready
	@$(NMT) bench $(wildcard $(CHOSEN))

clean:
	@rm -rf .venv
