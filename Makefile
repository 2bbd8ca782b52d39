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
	@echo "make test       the tests (about 10 minutes);  make test-all  the slow ones too;  make lint  style"
	@echo "make setup      only install the packages into .venv;  make help  this list"
	@echo "make clean      remove .venv; runs and downloads stay"
	@echo "recipes: $(wildcard data/*.toml)"

.venv/ready: setup.cfg constraints.txt
	@for python in python3.13 python3.12 python3.11 python3 python; do \
	  if $$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "setting up .venv with $$($$python --version)" >&2; $$python -m venv .venv >&2 && break; fi; \
	done; \
	test -x .venv/bin/python || { echo "Python 3.11, 3.12 or 3.13 with venv is needed" >&2; exit 1; }
	@.venv/bin/python -m pip install -q -c constraints.txt -e ".[train,test,ja,tensorboard,plots,formats,memory,serve,bulk]" >&2 || \
	  { echo "the packages could not be installed; is the network there? run the same command again" >&2; exit 1; }
	@touch $@

# What runs notebooks is installed for those who run them.
.venv/notebooks: .venv/ready
	@.venv/bin/python -m pip install -q -c constraints.txt -e ".[notebooks]" >&2 || \
	  { echo "the packages could not be installed; is the network there? run the same command again" >&2; exit 1; }
	@touch $@

setup: .venv/ready

# A corpus of one's own that cannot be fetched is no reason to train another one.
FALLBACK = $(if $(subst $(DEFAULT),,$(RECIPE)),,--fallback data/toy.toml)

train: .venv/ready
	@$(NMT) train "$(RECIPE)" $(ARGS) $(if $(RUN),--run "$(RUN)") --evaluate $(FALLBACK)

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
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@report=$$(.venv/bin/lint-imports --no-logo setup.cfg) || { echo "$$report"; exit 1; }
	@.venv/bin/mypy --no-error-summary

# Figures are true only while nothing else runs. Without any run, training alone is measured.
bench: .venv/ready
	@$(NMT) bench $(if $(RUN),"$(RUN)",$(wildcard $(CHOSEN)))

clean:
	@rm -rf .venv
