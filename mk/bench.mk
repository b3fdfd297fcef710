# Timings beside other programs.

# Peers live in a virtual environment of their own; ROUNDS=5, BENCH_DATA=build/bench, ONLY=names.
BENCH_VENV := build/bench-venv
$(BENCH_VENV)/.stamp: bench/requirements.txt
	.ci/setup bench
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --require-virtualenv -r $<
	@touch $@

# The program without the vectors that not every processor has.
bench-programs: all
	$(MAKE) PROFILE=portable build/portable/bin/aggregator

bench = $(BENCH_VENV)/bin/python bench/run.py build --rounds $(or $(ROUNDS),$(1)) \
        $(if $(BENCH_DATA),--data $(BENCH_DATA)) $(if $(ONLY),--only $(ONLY))

bench: bench-programs $(BENCH_VENV)/.stamp ## side by side with DuckDB, Polars, chDB, pandas: bench/results
	$(call bench,5)

bench-quick: bench-programs $(BENCH_VENV)/.stamp ## a tenth of it, on the terminal, in two minutes
	$(call bench,3) --quick

.PHONY: bench bench-programs bench-quick
