# euro_curate. `make help` lists the targets. Nothing has to be installed by hand but Python 3.11 and make.

PYTHON ?= python3.11
PYTHON := $(shell command -v $(PYTHON) || command -v python3)
INPUT  ?= bundled:sample
ENGINE ?= ray
RUN     = .venv/bin/euro-curate run
BENCH  ?=

# Any spelling works on the command line; these are the make targets: one per official EU language.
LANGUAGES := bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types tests slow bench trainers models langid-train langid-eval wheel clean eu24 $(LANGUAGES)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo "  make bg ... sv    one language: make mt INPUT='crawl/*.warc.gz' OUTPUT=out/mt"
	@echo "Languages: $(LANGUAGES)"

# The environment: remade when the dependencies change.
setup: .venv/.done ## install everything into .venv
.venv/.done: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "euro_curate needs Python 3.11 or newer; $(PYTHON) is older. Give one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "$(PYTHON) has no venv: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip uv
	.venv/bin/uv export --quiet --frozen --no-hashes --no-emit-project --group dev --output-file .venv/requirements.txt
	.venv/bin/python -m pip install --quiet --requirement .venv/requirements.txt
	.venv/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: setup ## run the pipeline on the bundled sample crawl; prints where the report is
	$(RUN) pipelines/demo.toml --output demo_output --engine $(ENGINE)

eu24: setup ## all 24 languages: make eu24 INPUT=... OUTPUT=...
	$(RUN) pipelines/web.toml --input '$(INPUT)' --output '$(or $(OUTPUT),out/eu24)' --engine $(ENGINE)

$(LANGUAGES): %: setup
	$(RUN) pipelines/web.toml --input '$(INPUT)' --output '$(or $(OUTPUT),out/$*)' --languages $* --engine $(ENGINE)

test: setup tests ## run the tests

check: setup format lint types tests ## format, lint, types, tests: what CI runs
format:
	.venv/bin/ruff format --check .
lint:
	.venv/bin/ruff check .
types:
	.venv/bin/mypy
tests:
	.venv/bin/python -m pytest -n 2 --dist worksteal

slow: setup ## the tests that take minutes
	.venv/bin/python -m pytest -m slow

bench: setup .venv-bench/.done ## our pipeline beside FineWeb-2's recipe on datatrove: make bench BENCH=folder-of-warcs
	@test -n '$(BENCH)' || { echo "give a folder of WARC files: make bench BENCH=crawl/" >&2; exit 2; }
	.venv/bin/python tests/bench/end_to_end.py '$(BENCH)' --datatrove-python .venv-bench/bin/python
.venv-bench/.done: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade pip
	.venv-bench/bin/python -m pip install --quiet --group bench
	.venv-bench/bin/python -m pip install --quiet --force-reinstall --no-deps fasttext-numpy2-wheel
	@touch $@

trainers: setup .venv-trainers/.done ## read the exports with the trainers' own loaders, and train on them (torch, 7 GB)
	@rm -rf out/trainers && mkdir -p out/trainers
	.venv/bin/python tests/trainers/make_exports.py out/trainers
	EURO_CURATE_EXPORTS=out/trainers .venv-trainers/bin/python -m pytest -c /dev/null --rootdir tests/trainers -q tests/trainers
.venv-trainers/.done: tests/trainers/requirements.txt
	$(PYTHON) -m venv .venv-trainers
	.venv-trainers/bin/python -m pip install --quiet --upgrade pip
	.venv-trainers/bin/python -m pip install --quiet --requirement tests/trainers/requirements.txt
	@touch $@

models: setup ## fetch other language models: make models MODELS="lid176 glotlid-v3"; without names, list them
	.venv/bin/python -m euro_curate.models $(MODELS)

langid-train: setup ## train the language model: make langid-train DATA="folders of <lang>.tsv.gz"
	@test -n '$(DATA)' || { echo "give labelled text: make langid-train DATA=folder" >&2; exit 2; }
	.venv/bin/python langid_models/train.py $(DATA)

langid-eval: setup ## measure language models side by side: make langid-eval DATA=labelled.tsv.gz MODELS="eu24-v2 lid176-ftz"
	@test -n '$(DATA)' || { echo "give labelled text: make langid-eval DATA=labelled.tsv.gz" >&2; exit 2; }
	.venv/bin/python langid_models/evaluate.py '$(MODELS)' $(DATA)

wheel: setup ## build the wheel into dist/
	.venv/bin/uv build --wheel --quiet

clean: ## remove results and environments
	rm -rf demo_output out dist .venv .venv-bench .venv-trainers
