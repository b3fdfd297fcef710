# One non-recursive build. `make help` lists the targets.
# Each profile has its own directory, so objects never mix: build/release, build/asan, build/cov.

PROFILE ?= release
PROGRAMS := fake_gen aggregator gvisor_probe gvisor_installer
B := build/$(PROFILE)
DEPS := build/deps
RESULTS := build/test-results

CC ?= gcc
CXX ?= g++
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wvla -Wwrite-strings -Wundef $(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fstack-clash-protection \
          $(if $(filter x86_64,$(ARCH)),-fcf-protection)
COMMON_FLAGS := -std=gnu17 -g -I. -isystem $(DEPS)/include -D_GNU_SOURCE -pthread \
                -ffile-prefix-map=$(CURDIR)=. -ffp-contract=off $(WARNINGS)

CFLAGS_release := -O2 -fPIE -D_FORTIFY_SOURCE=2 $(HARDEN)
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_cov := -O0 --coverage
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_release := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_cov := --coverage
LDFLAGS_fuzz := -fsanitize=address,undefined

ALL_CFLAGS := $(COMMON_FLAGS) $(CFLAGS_$(PROFILE)) $(CFLAGS)
# C++ only to adapt a library that is one: no run-time types, and of exceptions only that for a
# lack of memory, which ends where it is adapted.
NOT_CXX := -std=gnu17 -Wstrict-prototypes -Wmissing-prototypes
ALL_CXXFLAGS := -std=gnu++17 -fno-rtti $(filter-out $(NOT_CXX),$(ALL_CFLAGS))
ALL_LDFLAGS := -pthread $(LDFLAGS_$(PROFILE)) $(LDFLAGS)

LIBS_COMMON := -L$(DEPS)/lib -lcjson -lxxhash -lmd -lz -lm
LIBS_fake_gen := $(LIBS_COMMON)
LIBS_gvisor_probe := $(LIBS_COMMON)
LIBS_aggregator := -L$(DEPS)/lib -lpq -lpgcommon_shlib -lpgport_shlib -lssl -lcrypto $(LIBS_COMMON)
LIBS_gvisor_installer := -L$(DEPS)/lib -lcurl -lssl -lcrypto -larchive -lbz2 -lstdc++ $(LIBS_COMMON)

# Pure objects: no file, clock, environment, process or libpq. Their headers say so; `make layers` checks it.
PURE = $(shell tests/pure.sh)

# `make V=1` shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $(2)")

sources = $(filter-out $(1)/tests/%,$(wildcard $(1)/*.c $(1)/*.cpp $(1)/*/*.c))
objects = $(addprefix $(B)/,$(addsuffix .o,$(basename $(call sources,$(1)))))

COMMON_LIB := $(B)/common.a
UNIT_TESTS := $(patsubst %.c,%,$(wildcard $(addsuffix /tests/test_*.c,common $(PROGRAMS))))

.PHONY: all help test unit unit-programs unit-asan cli gvisor db diff installer check-binary layers \
        arm64 bench bench-quick images check-images box-up box-down e2e chaos lint fmt clean

all: $(addprefix build/,$(PROGRAMS)) ## build the static programs (default)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 16

# --- objects, programs ------------------------------------------------------------------------

# The third-party archives exist before anything is compiled against their headers.
DEPS_STAMP := $(DEPS)/.stamp
$(DEPS_STAMP): common/deps/build.sh common/deps/deps.lock
	.ci/setup build
	common/deps/build.sh --prefix $(DEPS)

$(B)/%.o: %.c | $(DEPS_STAMP)
	@mkdir -p $(@D)
	$(call say,CC ,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# These are called only where the processor has what they are compiled for.
ifeq ($(ARCH),x86_64)
$(B)/%_avx2.o: ALL_CFLAGS += -mavx2 -mbmi -mbmi2 -mpopcnt
$(B)/%_avx512.o: ALL_CFLAGS += -mavx2 -mbmi -mbmi2 -mpopcnt -mavx512bw -mavx512vl -mavx512vbmi2
endif

$(B)/%.o: %.cpp | $(DEPS_STAMP)
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

$(COMMON_LIB): $(call objects,common)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^

# glibc warns that static name lookups need its shared libraries: only for NSS modules; files and DNS
# are built in (tests/cli/empty_root.bats proves it).
LINK_NOISE := 'in statically linked applications requires at runtime|: in function `'

define program_rules
$(B)/$(1).a: $(filter-out %/main.o,$(call objects,$(1)))
	@rm -f $$@
	$(Q)$(AR) rcsD $$@ $$^
$(B)/bin/$(1): $(B)/$(1)/main.o $(B)/$(1).a $(COMMON_LIB)
	@mkdir -p $$(@D)
	$(call say,LD ,$$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) 2>$$@.log || { cat $$@.log >&2; exit 1; }
	@grep -vE $(LINK_NOISE) $$@.log >&2 || true
endef
$(foreach program,$(PROGRAMS),$(eval $(call program_rules,$(program))))

# The released program carries no symbols; build/release/bin keeps them for debuggers.
$(addprefix build/,$(PROGRAMS)): build/%: build/release/bin/%
	$(call say,BIN,$@)
	$(Q)strip -o $@ $<
ifneq ($(PROFILE),release)
build/release/bin/%: FORCE
	$(MAKE) PROFILE=release $@
FORCE:
endif

# --- tests ------------------------------------------------------------------------------------

unit_binary = $(addprefix $(B)/,$(UNIT_TESTS))
$(unit_binary): $(B)/%: $(B)/%.o $(addprefix $(B)/,$(addsuffix .a,$(PROGRAMS))) $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(CC) -pthread $(filter-out -static-pie,$(LDFLAGS_$(PROFILE))) -o $@ $< \
	    $(patsubst %,$(B)/%.a,$(filter $(PROGRAMS),$(subst /, ,$*))) $(COMMON_LIB) \
	    -lcmocka $(if $(filter gvisor_installer,$(subst /, ,$*)),$(LIBS_gvisor_installer),$(LIBS_aggregator))

test: ## everything a change must pass (under 5 minutes once built)
	.ci/setup build run test gvisor
	rm -rf $(RESULTS)
	$(MAKE) -j$$(nproc) WERROR=1 all unit-programs
	$(MAKE) -j$$(nproc) WERROR=1 PROFILE=asan unit-programs fuzz-replay
	$(MAKE) --keep-going WERROR=1 FAULTS=60 STEP=7 unit unit-asan layers check-binary cli gvisor installer diff db faults files

unit-programs: $(unit_binary)

unit-asan: ## unit tests under address and undefined-behaviour sanitizers
	$(MAKE) PROFILE=asan unit

unit: $(unit_binary) ## unit tests of PROFILE=release|asan|cov
	tests/run_unit.sh $(RESULTS) $(PROFILE) $(unit_binary)

cli: all ## the programs as a user meets them (bats)
	tests/run_bats.sh $(RESULTS) tests/cli

gvisor: all ## gvisor_probe in containers of runc and of gVisor (bats; needs root)
	.ci/setup test gvisor
	tests/run_bats.sh $(RESULTS) tests/gvisor

db: all ## loads into real PostgreSQL servers (bats)
	JOBS=$$(nproc) tests/run_bats.sh $(RESULTS) tests/db

# The program itself, but for the points at which tests end it.
STEPS := build/release/bin/gvisor_installer_steps
$(STEPS): build/release/bin/gvisor_installer build/release/gvisor_installer/tests/stop_at_step.o
	$(call say,LD ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(@D)/../gvisor_installer/main.o $(word 2,$^) \
	    $(@D)/../gvisor_installer.a $(@D)/../common.a $(LIBS_gvisor_installer) 2>$@.log || \
	    { cat $@.log >&2; exit 1; }

installer: all $(STEPS) ## the installer on nodes in directories, with real containerds (bats)
	JOBS=$$(nproc) tests/run_bats.sh $(RESULTS) tests/installer

diff: all ## the scanner against an independent parser, on generated and mutated lines
	tests/run_bats.sh $(RESULTS) tests/diff

check-binary: all ## prove static-PIE, RELRO, no executable stack, protector, fortify
	tests/check_binary.sh $(RESULTS) $(addprefix build/release/bin/,$(PROGRAMS))

layers: $(COMMON_LIB) $(addprefix $(B)/,$(addsuffix .a,$(PROGRAMS))) ## prove that pure objects reach no edge
	tests/layers.sh $(RESULTS) $(B)

# --- faults and hostile input -------------------------------------------------------------------

.PHONY: analyze coverage faults flood files fuzzers fuzz fuzz-replay

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
                 $(B)/aggregator.a $(B)/fake_gen.a $(B)/gvisor_probe.a $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(call fuzz_link)

$(FUZZERS): $(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o \
            $(B)/aggregator.a $(B)/fake_gen.a $(B)/gvisor_probe.a $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(call fuzz_link,-fsanitize=fuzzer)

fuzzers: $(FUZZERS)

fuzz: ## fuzz each target for SECONDS=60 under sanitizers, with clang's libFuzzer
	.ci/setup build fuzz
	$(MAKE) PROFILE=fuzz CC=clang-14 fuzzers
	tests/fuzz/run.sh build/fuzz/tests/fuzz $(or $(SECONDS),60) $(FUZZ_TARGETS)

fuzz-replay: $(FUZZ_REPLAYS) ## the fuzz targets over their kept inputs, in PROFILE=release|asan|cov
	tests/fuzz/replay.sh $(RESULTS) $(PROFILE) $(B)/tests/fuzz $(FUZZ_TARGETS)

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

# --- images and the rest ---------------------------------------------------------------------------

arm64: ## the scanner's vectors for arm64, under qemu-user
	.ci/setup arm64
	tests/arm64.sh $(RESULTS)

# Peers live in a virtual environment of their own; ROUNDS=5, BENCH_DATA=build/bench.
BENCH_VENV := build/bench-venv
$(BENCH_VENV)/.stamp: bench/requirements.txt
	.ci/setup bench
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --require-virtualenv -r $<
	@touch $@

bench = $(BENCH_VENV)/bin/python bench/run.py build --rounds $(or $(ROUNDS),$(1)) \
        $(if $(BENCH_DATA),--data $(BENCH_DATA)) $(if $(ONLY),--only $(ONLY))

bench: all $(BENCH_VENV)/.stamp ## side by side with DuckDB, Polars, chDB, pandas: bench/RESULTS.md
	$(call bench,5)

bench-quick: all $(BENCH_VENV)/.stamp ## a tenth of it, on the terminal, in two minutes
	$(call bench,3) --quick

images: ## OCI archives, digests and bills of materials under build/images
	.ci/setup build images
	images/build.sh

check-images: images ## run each image's program in its own root: read-only, unprivileged
	images/check.sh $(RESULTS)

box-up: ## a real Kubernetes with Argo and gVisor on this machine (built at first, 25 minutes)
	tests/e2e/box/box up

box-down: ## end it; nothing but its cache stays
	tests/e2e/box/box down

e2e: all ## the workflows on the box, brought up and taken down if it is not up
	.ci/setup test monitoring
	$(MAKE) images
	tests/e2e/run.sh $(RESULTS)

chaos: all ## RUNS=30 of the pipeline on the box while its parts are broken at random (SEED=n)
	$(MAKE) images
	tests/e2e/chaos.sh $(RESULTS)

lint: $(DEPS_STAMP) ## shell, YAML, manifests, images, CI, layout, sizes, banned calls
	.ci/setup lint
	tests/lint.sh $(RESULTS)

fmt: ## lay the C out with clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## remove what was built, but not the third-party archives
	rm -rf build/release build/asan build/cov build/failing build/fuzz build/images $(RESULTS) $(addprefix build/,$(PROGRAMS))

-include $(shell find $(B) -name '*.d' 2>/dev/null)
