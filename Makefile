# make run            the demo, from nothing but Python 3.11+, a C compiler and make
# make run ARGS="add https://..."   any command
# make test | coverage | crash | soak | timetable-walk | fuzz | mutants | lint | docs | screenshots | site | lock | bench | guarantees | pyz

PYTHON ?= python3
BIN := .venv/bin
ARGS ?= demo
# Where this is set, every process that tests and benchmarks start would compile mingus anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test coverage crash soak timetable-walk fuzz mutants lint docs screenshots site lock bench guarantees pyz clean

run: .venv/.ready
	@$(BIN)/mingus $(ARGS)

test: .venv/.ready-dev
	@$(BIN)/python -m pytest -n 3 --dist worksteal

# Which branches the tests run, in the processes they start as well, by room.
coverage: .venv/.ready-dev
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/python -m coverage run -m pytest -n 3 --dist worksteal
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage json --quiet -o build/coverage/report.json
	@$(BIN)/python -m tests.branches build/coverage/report.json

# Every crash point, 3,000 jobs under chaos, long random walks: about a quarter of an hour.
crash: .venv/.ready-dev
	@MINGUS_TEST_CRASH=1 $(BIN)/python -m pytest -s --show-capture=no tests/test_crash_points.py \
	  tests/test_queues_races.py tests/test_queues_machine.py tests/test_chaos.py \
	  tests/test_mail_chaos.py tests/test_clients_imap.py

# Mixed real work while processes are killed: nothing may be lost, nothing may grow. CI runs two minutes.
MINUTES ?= 60
soak: .venv/.ready-dev
	@$(BIN)/python benchmarks/soak.py --minutes $(MINUTES) $(if $(PLOT),--plot "$(PLOT)")

# The timetable against every minute of 2020-2035 in a dozen zones, and every change of the clocks anywhere.
timetable-walk: .venv/.ready-dev
	@MINGUS_TEST_WALK=1 $(BIN)/python -m pytest -n 2 tests/test_timetable_walk.py

# Hostile bytes at every reader, MINUTES each, guided by coverage: make fuzz MINUTES=10 TARGET=mail
fuzz: .venv/.ready-dev
	@$(if $(TARGET),true,MINGUS_TEST_REGEX=1 $(BIN)/python -m pytest tests/test_regexes.py)
	@$(BIN)/python -m tests.fuzz $(TARGET) --minutes $(if $(filter command,$(firstword $(origin MINUTES))),$(MINUTES),10)

# Small changes of one module of domain/, and which of them its tests do not notice: make mutants MODULE=pricing
mutants: .venv/.ready-dev
	@$(BIN)/python -m tests.mutants $(MODULE) $(FILES)

lint: .venv/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml cli.py jobs mingus_lib
	@$(BIN)/python -m tests.audit

docs: .venv/.ready-dev
	@$(BIN)/python docs/generate.py

screenshots: .venv/.ready-dev
	@PYTHONPATH=. $(BIN)/python docs/screenshots.py

# The documents as pages for a browser, in build/site; a link that leads nowhere fails.
site: .venv/.ready-dev
	@$(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml
	@echo "build/site/index.html"

# Every claim beside its peers, written to docs/benchmarks.md; QUICK=1 takes about ten minutes. Extraction is scored
# on pages of your own, recommendations on ratings: make bench PAGES=DIR RATINGS=FILE
bench: .venv/.ready-dev
	@$(BIN)/python benchmarks/run.py $(if $(QUICK),--quick) $(if $(PAGES),--pages "$(PAGES)") \
	  $(if $(RATINGS),--ratings "$(RATINGS)")

# The sweep of kills on RQ, Celery and mingus, an hour; its table goes into docs/guarantees.md
guarantees: .venv/.ready-dev
	@$(BIN)/python benchmarks/guarantees.py --write $(if $(EVERY),--every $(EVERY))

# One file that runs on a bare Python of this version and machine: dist/mingus.pyz
pyz: .venv/.ready-dev
	@rm -rf build/pyz && mkdir -p build/pyz dist
	@sed "s/ ; python_full_version < '3.11.3'//" requirements.lock > build/pyz.lock  # one file for every 3.11, 3.11.2 of Debian 12 too
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target build/pyz -r build/pyz.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target build/pyz .
	@$(BIN)/shiv --site-packages build/pyz --console-script mingus --extend-pythonpath --compressed \
	  --python "/usr/bin/env python3" --output-file dist/mingus.pyz
	@rm -rf build/pyz-home && mkdir build/pyz-home
	@env -i PATH=/usr/bin:/bin HOME=$(CURDIR)/build/pyz-home "$$($(BIN)/python -c 'import sys; print(sys._base_executable)')" \
	  dist/mingus.pyz demo --json > build/pyz-demo.json
	@rm -rf build/pyz-home && ls -l dist/mingus.pyz

# Resolve the newest versions again; both files carry hashes and no index address.
lock: .venv/.ready-dev
	@$(BIN)/uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra build --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -o requirements-dev.lock

clean:
	rm -rf .venv build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mingus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "no virtual environment could be made; on Debian: apt install python3-venv" >&2; exit 1; }

# --no-deps: the lock file is already resolved, and pip 23.2 fails to resolve these packages itself.
.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing mingus into .venv (once, about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@echo "Installing the tools for tests into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
