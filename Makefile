PYTHON_BIN := .venv/bin
COMPILE := UV_PYTHON_DOWNLOADS=never $(PYTHON_BIN)/uv pip compile -q -p 3.11 --universal \
	--generate-hashes --no-header --no-emit-index-url pyproject.toml

.PHONY: setup demo test check bench screenshots messages lock

setup: ## .venv with everything that development needs
	@.ci/setup dev

demo: ## Earn on this machine with 90 days of business; DEMO_EXIT=1 ends after the checks
	@.ci/setup demo
	@$(PYTHON_BIN)/python -m config.demo

test: ## the whole suite
	@.ci/setup dev
	@.ci/need chromium chromium
	@.ci/need xgettext gettext
	@.ci/need hledger hledger "its check of the exported journal is left out"
	@$(PYTHON_BIN)/pytest -n 2 --dist worksteal

check: ## lint, types, import contracts, templates, migrations
	@.ci/setup dev
	@.ci/check

bench: ## BENCH=close N=1000000 WORKERS=1
	@.ci/setup dev
	@BENCH="$(BENCH)" N="$(N)" WORKERS="$(WORKERS)" $(PYTHON_BIN)/python -m tests.benchmarks

screenshots: ## all pages of the demo as pictures, in var/screenshots
	@.ci/setup dev
	@.ci/need chromium chromium
	@$(PYTHON_BIN)/python -m tests.browser.screenshots

messages: ## collects the strings of the pages, compiles their translations
	@.ci/setup dev
	@.ci/need xgettext gettext
	@$(PYTHON_BIN)/python .ci/messages

lock: ## the hashed locks, after a change of the dependencies
	$(COMPILE) -o requirements/prod.txt
	$(COMPILE) --extra embedded -c requirements/prod.txt -o requirements/demo.txt
	$(COMPILE) --extra embedded --group dev -c requirements/demo.txt -o requirements/dev.txt
