# What a change must pass.

UNIT_TESTS := $(patsubst %.c,%,$(wildcard $(addsuffix /tests/test_*.c,common $(PROGRAMS))))
# Where threads meet. libpq is not instrumented, so what loads is not among them.
THREADED := common/tests/test_kube common/tests/test_outfile common/tests/test_stop aggregator/tests/test_fold \
            aggregator/tests/test_gather aggregator/tests/test_sequence \
            aggregator/tests/test_text

unit_binary = $(addprefix $(B)/,$(UNIT_TESTS))
$(unit_binary): $(B)/%: $(B)/%.o $(addprefix $(B)/,$(addsuffix .a,$(PROGRAMS))) $(COMMON_LIB)
	$(call say,LD ,$@)
	$(Q)$(CC) -pthread $(filter-out -static-pie,$(LDFLAGS_$(PROFILE))) -o $@ $< \
	    $(patsubst %,$(B)/%.a,$(filter $(PROGRAMS),$(subst /, ,$*))) $(COMMON_LIB) \
	    -lcmocka $(or $(LIBS_$(firstword $(filter gvisor_installer,$(subst /, ,$*)))),$(LIBS_job_service))

test: ## everything a change must pass (under 5 minutes once built)
	.ci/setup build run test gvisor
	rm -rf $(RESULTS)
	$(MAKE) -j$$(nproc) WERROR=1 all unit-programs
	$(MAKE) -j$$(nproc) WERROR=1 PROFILE=asan unit-programs fuzz-replay
	$(MAKE) -j$$(nproc) WERROR=1 PROFILE=tsan $(addprefix build/tsan/,$(THREADED))
	$(MAKE) --keep-going WERROR=1 FAULTS=60 STEP=7 unit unit-asan unit-tsan layers check-binary cli gvisor installer diff db jobs faults files

unit-programs: $(unit_binary)

unit-asan: ## unit tests under address and undefined-behaviour sanitizers
	$(MAKE) PROFILE=asan unit

unit-tsan: ## unit tests of what runs in threads, under the thread sanitizer
	$(MAKE) PROFILE=tsan threaded

threaded: $(addprefix $(B)/,$(THREADED))
	tests/run_unit.sh $(RESULTS) $(PROFILE) $^

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

# The logs without the rest of a dispatcher: told on stdin what to follow.
FOLLOW_LOGS := $(B)/bin/follow_logs
$(FOLLOW_LOGS): $(B)/job_service/tests/follow_logs.o $(B)/job_service.a $(COMMON_LIB)
	@mkdir -p $(@D)
	$(call say,LD ,$@)
	$(Q)$(CC) -pthread $(filter-out -static-pie,$(LDFLAGS_$(PROFILE))) -o $@ $^ $(LIBS_job_service)

JOBS_VENV := build/jobs-venv
$(JOBS_VENV)/.stamp: tests/jobs/requirements.txt
	.ci/setup jobs
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --require-virtualenv -r $<
	@touch $@

jobs: all $(FOLLOW_LOGS) $(JOBS_VENV)/.stamp ## the jobs' service: its routes, tokens, clients that do not behave (bats)
	.ci/setup test jobs
	JOBS=$$(nproc) tests/run_bats.sh $(RESULTS) tests/jobs
	$(MAKE) WERROR=1 PROFILE=tsan build/tsan/bin/job_service build/tsan/bin/follow_logs
	tests/jobs/tsan.sh $(RESULTS) build/tsan/bin
	timeout 10m tests/jobs/kills.py $(KILLS) $(RESULTS)/jobs-kills.tap
	timeout 10m tests/jobs/dispatch_kills.py $(DISPATCH_KILLS) $(RESULTS)/jobs-dispatch-kills.tap
KILLS ?= 40
DISPATCH_KILLS ?= 200

installer: all $(STEPS) ## the installer on nodes in directories, with real containerds (bats)
	JOBS=$$(nproc) tests/run_bats.sh $(RESULTS) tests/installer

diff: all ## the scanner against an independent parser, on generated and mutated lines
	tests/run_bats.sh $(RESULTS) tests/diff

check-binary: all ## prove static-PIE, RELRO, no executable stack, protector, fortify
	tests/check_binary.sh $(RESULTS) $(addprefix build/release/bin/,$(PROGRAMS))

layers: $(COMMON_LIB) $(addprefix $(B)/,$(addsuffix .a,$(PROGRAMS))) ## prove that pure objects reach no edge
	tests/layers.sh $(RESULTS) $(B)

arm64: ## the scanner's vectors for arm64, under qemu-user
	.ci/setup arm64
	tests/arm64.sh $(RESULTS)

lint: $(DEPS_STAMP) ## shell, YAML, manifests, images, CI, layout, sizes, banned calls
	.ci/setup lint
	tests/lint.sh $(RESULTS)

fmt: ## lay the C out with clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: test unit unit-programs unit-asan unit-tsan threaded cli gvisor db jobs diff installer check-binary \
        layers arm64 lint fmt
