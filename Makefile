# `make run` and `make test` are all that a newcomer needs; `make evals` says whether the answers got worse.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test evals setup models index install lint lock shots clean

run: setup
	$(BIN)/tutor web

test: install models
	$(BIN)/python -m pytest

# Is the tutor worse than the committed baseline? See evals/README.md.
# In a data folder of its own: what a developer ingested would change the answers.
evals: export KUBE_TUTOR_DATA_DIR = $(abspath $(VENV))/evals
evals: install index
	$(BIN)/python -m evals check

setup: install models index

install: $(STAMP)

# torch first and by itself: an open range would pull gigabytes of GPU packages.
# The lock file names every other package with its hashes, so nothing is resolved.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kube-tutor needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25'
	$(BIN)/python -m pip install --quiet --no-deps torch==2.13.0
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)

models: install
	$(BIN)/tutor models fetch

index: install
	$(BIN)/tutor ingest

# Screenshots for the README; needs Chromium and a few minutes.
shots: setup
	$(BIN)/python -m evals shots

lint: install
	$(BIN)/ruff check .

lock: install
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --generate-hashes --extra dev --strip-extras --allow-unsafe \
	  --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file $(VENV)/lock.txt pyproject.toml
	{ echo '# Every package but torch, with its hashes. Made by `make lock`; torch comes first, see Makefile.'; \
	  awk '/^torch==/ { skip = 1; next } skip && /^ / { next } { skip = 0; print }' $(VENV)/lock.txt; \
	} > requirements.lock

clean:
	rm -rf $(VENV)
