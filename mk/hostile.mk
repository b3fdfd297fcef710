# Faults, failing calls, hostile input, coverage: what goes beyond a test of behaviour.

faults: all ## break loads into real servers FAULTS=500 times by chance; SEED=n repeats a list
	.ci/setup test
	@mkdir -p $(RESULTS)
	timeout --kill-after=60s 25m tests/faults/run.py $(FAULTS) $(RESULTS)/faults.tap
FAULTS ?= 500

# Programs in which one call of the C library fails where a test says so.
# C++'s operator new is malloc() too, because all is linked statically.
FAILING_CALLS := malloc calloc realloc aligned_alloc read pread write pwrite fsync rename linkat \
                 mkdir fstat stat lstat lseek realpath poll eventfd getrandom pthread_create close \
                 open unlink symlink readlink flock opendir pipe2 posix_spawnp fchmod fchown flistxattr
FAILING := $(addprefix build/failing/,$(PROGRAMS))
$(FAILING): build/failing/%: build/release/%/main.o build/release/%.a build/release/common.a \
                             build/release/tests/files/failing.o
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) -pthread $(LDFLAGS_release) $(addprefix -Wl$(comma)--wrap=,$(FAILING_CALLS)) \
	    -o $@ $^ $(LIBS_$*) 2>$@.log || { cat $@.log >&2; exit 1; }
comma := ,

files: all $(FAILING) ## each call of the C library fails in turn: STEP=n every n-th where there are many
	@mkdir -p $(RESULTS)
	timeout 15m tests/files/failing.py build/failing >$(RESULTS)/files-calls.tap || \
	    { grep -vE '^ok' $(RESULTS)/files-calls.tap; exit 1; }
	STEP=$(STEP) timeout 15m tests/files/failing_load.py build/failing >$(RESULTS)/files-load.tap || \
	    { grep -vE '^ok' $(RESULTS)/files-load.tap; exit 1; }
	STEP=$(STEP) timeout 15m tests/files/failing_node.py build/failing >$(RESULTS)/files-node.tap || \
	    { grep -vE '^ok' $(RESULTS)/files-node.tap; exit 1; }

# Fuzz targets: driven by libFuzzer, or by replay.c over the inputs that are kept.
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAYS := $(addprefix $(B)/tests/fuzz/replay_,$(FUZZ_TARGETS))
FUZZERS := $(addprefix $(B)/tests/fuzz/fuzz_,$(FUZZ_TARGETS))
fuzz_link = $(CC) $(ALL_LDFLAGS) $(1) -o $@ $(filter %.o %.a,$^) $(LIBS_aggregator)

$(FUZZ_REPLAYS): $(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o \
                 $(B)/aggregator.a $(B)/fake_gen.a $(B)/gvisor_probe.a $(B)/job_service.a $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(call fuzz_link)

$(FUZZERS): $(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o \
            $(B)/aggregator.a $(B)/fake_gen.a $(B)/gvisor_probe.a $(B)/job_service.a $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(call fuzz_link,-fsanitize=fuzzer)

fuzzers: $(FUZZERS)

fuzz: ## fuzz each target for SECONDS=60 under sanitizers, with clang's libFuzzer
	.ci/setup build fuzz
	$(MAKE) PROFILE=fuzz CC=clang-14 fuzzers
	tests/fuzz/run.sh build/fuzz/tests/fuzz $(or $(SECONDS),60) $(FUZZ_TARGETS)

fuzz-replay: $(FUZZ_REPLAYS) ## the fuzz targets over their kept inputs, in PROFILE=release|asan|cov
	tests/fuzz/replay.sh $(RESULTS) $(PROFILE) $(B)/tests/fuzz $(FUZZ_TARGETS)

mutants: ## change the code in one place at a time: would a test notice? ONLY=regex
	.ci/setup build run test
	tests/mutation/run.py --only '$(ONLY)'

flood: build/failing/aggregator ## colliding keys against keys by chance, in instructions
	.ci/setup build flood
	tests/fuzz/flood.sh build/failing/aggregator $(RESULTS)

analyze: ## static analysis by gcc and clang (cppcheck: make lint)
	.ci/setup build analyze
	tests/analyze.sh $(RESULTS)

coverage: ## branch coverage of the tests: pure core, whole, and where it is missing
	.ci/setup build run test coverage
	$(MAKE) -j$$(nproc) PROFILE=cov unit-programs $(addprefix build/cov/bin/,$(PROGRAMS)) \
	    $(addprefix build/cov/tests/fuzz/replay_,$(FUZZ_TARGETS))
	tests/coverage.sh $(RESULTS) $(PURE)

.PHONY: analyze coverage faults flood files fuzzers fuzz fuzz-replay mutants
