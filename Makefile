# Targets: install, train, test, test-all, bench, lint, clean. Each does its own set-up, once.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: install train test test-all test-fast test-train test-trl-floor test-wheel test-judge test-docker test-vllm test-bfcl test-swe \
	bench lint clean

PYTHON ?= python3
VENV ?= .venv
FLOOR_VENV ?= .venv-trl-floor
VLLM_VENV ?= .venv-vllm
BFCL_VENV ?= .venv-bfcl
SWEBENCH_VENV ?= .venv-swebench
MINI_SWE_VENV ?= .venv-mini-swe
TRL_FLOOR ?= 1.3.0
ARGS ?=

# torch goes first and on its own. Without an NVIDIA GPU the pinned release lets pip take a CPU build of it, where pip is
# configured to find one, instead of the newest release with its CUDA libraries.
GPU := $(shell command -v nvidia-smi 2>/dev/null)
TORCH ?= $(if $(GPU),torch,torch==2.13.0)

BIN := $(VENV)/bin
TRAIN_READY := $(VENV)/.ready-train
DEV_READY := $(VENV)/.ready-dev
FLOOR_READY := $(FLOOR_VENV)/.ready
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# Test workers share the cores already; threads inside each would only fight.
PYTEST := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

install: $(DEV_READY)

train: $(TRAIN_READY)
	$(BIN)/python examples/train_rl.py $(ARGS)

test: test-fast

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-fast: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) $(BIN)/pytest -n auto

test-train: $(DEV_READY)
	rm -rf runs/ci
	$(BIN)/python examples/train_rl.py --quick --seed 0 --run-name ci
	$(BIN)/python -c "import json, sys; means = json.load(open('runs/ci/results.json'))['held_out']; \
	sys.exit(means['sft']['low'] <= means['before']['high'] and 'SFT did not raise the held-out reward')"

test-trl-floor: $(FLOOR_READY)
	$(FLOOR_VENV)/bin/python -c "import trl, transformers; print('trl', trl.__version__, 'transformers', transformers.__version__)"
	$(PYTEST) $(FLOOR_VENV)/bin/pytest tests/train

# Builds sdist, wheel from sdist, and uses the wheel where the checkout can't be seen.
test-wheel: $(DEV_READY)
	@place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; python=$$(realpath -s $(BIN)/python); \
	"$$python" -m build --outdir "$$place/dist" . > "$$place/build.log" 2>&1 || { cat "$$place/build.log"; exit 1; }; \
	"$$python" -m venv "$$place/venv"; cd "$$place"; \
	venv/bin/python $(PIP_INSTALL) dist/*.whl; \
	venv/bin/forge list; \
	venv/bin/forge eval forge/ToolUse-v0 --policy gold --limit 20 --out run; \
	venv/bin/python -c "import json, sys; rows = [json.loads(line) for line in open('run/episodes.jsonl')]; \
	sys.exit(not (len(rows) == 20 and all(row['outcome'] == 1.0 for row in rows)))"

# Long runs of the judge: many in a row, workers and hosts killed at random, every submission ten times, its speed.
test-judge: $(DEV_READY)
	$(PYTEST) FORGE_SOAK_RUNS=20000 FORGE_SOAK_KILLS=10 $(BIN)/pytest tests/sandbox/judge/test_worker_soak.py \
	  tests/sandbox/judge/test_worker_pool.py tests/code_contest/judge/test_judge_killed.py
	$(PYTEST) FORGE_JUDGE_REPEATS=10 $(BIN)/pytest -n auto tests/code_contest/judge/test_shared_data.py
	$(BIN)/python benchmarks/judge.py --quick

# With a real Docker engine: one that answers already, or one that is started here (root on Debian) and stopped again.
test-docker: $(DEV_READY)
	trap 'tests/sandbox/start_docker.sh stop' EXIT; tests/sandbox/start_docker.sh; \
	$(PYTEST) FORGE_TEST_DOCKER=1 $(BIN)/pytest -n auto tests/sandbox tests/swe -k docker; \
	if [ -e "$${FORGE_CACHE:-$$HOME/.cache/forge}/dockerd.pid" ]; then \
	  $(PYTEST) FORGE_KILL_DOCKER=1 $(BIN)/pytest tests/sandbox/test_engine_killed.py; fi

# A real vLLM server on the CPU, in an environment of its own.
test-vllm: $(DEV_READY)
	PYTHON=$(PYTHON) tests/vllm_server/install.sh $(VLLM_VENV)
	$(PYTEST) FORGE_VLLM_PYTHON=$(abspath $(VLLM_VENV))/bin/python $(BIN)/pytest tests/vllm_server

# Upstream's own checkers as an oracle; they are never imported at run time.
test-bfcl: $(DEV_READY)
	test -x $(BFCL_VENV)/bin/python || $(PYTHON) -m venv $(BFCL_VENV)
	$(BFCL_VENV)/bin/python $(PIP_INSTALL) --no-deps bfcl-eval mpmath==1.3.0 tree_sitter==0.21.3 \
	  tree-sitter-java==0.21.0 tree-sitter-javascript==0.21.4
	$(PYTEST) FORGE_BFCL_PYTHON=$(abspath $(BFCL_VENV))/bin/python $(BIN)/pytest tests/tool_use/bfcl

# swebench as an oracle of parsers and reports, and mini-swe-agent as a client; neither is imported at run time.
test-swe: $(DEV_READY)
	test -x $(SWEBENCH_VENV)/bin/python || $(PYTHON) -m venv $(SWEBENCH_VENV)
	$(SWEBENCH_VENV)/bin/python $(PIP_INSTALL) swebench==5.0.2
	test -x $(MINI_SWE_VENV)/bin/python || $(PYTHON) -m venv $(MINI_SWE_VENV)
	$(MINI_SWE_VENV)/bin/python $(PIP_INSTALL) mini-swe-agent==2.4.6 pytest -e .
	$(PYTEST) FORGE_SWEBENCH_PYTHON=$(abspath $(SWEBENCH_VENV))/bin/python \
	  FORGE_MINI_SWE_PYTHON=$(abspath $(MINI_SWE_VENV))/bin/python $(BIN)/pytest -n auto tests/swe -k 'swebench or mini_swe'

bench: $(DEV_READY)
	for file in benchmarks/*.py; do $(BIN)/python $$file; done

STAGES := test-fast test-train test-trl-floor test-wheel test-judge test-docker test-vllm test-bfcl test-swe
test-all:
	@times=""; for stage in $(STAGES); do \
	  echo "== $$stage"; start=$$SECONDS; \
	  $(MAKE) --no-print-directory $$stage; \
	  took="$$stage: $$((SECONDS - start)) s"; echo "== $$took"; times="$$times  $$took"$$'\n'; \
	done; echo "== all stages"; echo "$$times  total: $$SECONDS s"

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Forge needs Python 3.11 or newer: make PYTHON=...')"
	$(PYTHON) -m venv $(VENV)

$(TRAIN_READY): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python $(PIP_INSTALL) "$(TORCH)"
	$(BIN)/python $(PIP_INSTALL) -e ".[train]"
	touch $@

$(DEV_READY): $(TRAIN_READY)
	$(BIN)/python $(PIP_INSTALL) -e ".[train,dev]"
	touch $@

$(FLOOR_READY): pyproject.toml
	$(PYTHON) -m venv $(FLOOR_VENV)
	$(FLOOR_VENV)/bin/python $(PIP_INSTALL) "$(TORCH)"
	$(FLOOR_VENV)/bin/python $(PIP_INSTALL) -e ".[train,dev]" "trl==$(TRL_FLOOR)"
	touch $@

clean:
	rm -rf $(VENV) $(FLOOR_VENV) $(VLLM_VENV) $(BFCL_VENV) $(SWEBENCH_VENV) $(MINI_SWE_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
