# One non-recursive build. `make help` lists the targets; mk/ has their rules, a file a purpose.
# Each profile has its own directory, so objects never mix: build/release, build/asan, build/cov.

PROFILE ?= release
PROGRAMS := fake_gen aggregator gvisor_probe gvisor_installer job_service job_runner
B := build/$(PROFILE)
DEPS := build/deps
RESULTS := build/test-results

# Pure objects: no file, clock, environment, process or libpq. Their headers say so; `make layers` checks it.
PURE = $(shell tests/pure.sh)

# `make V=1` shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $(2)")

all: $(addprefix build/,$(PROGRAMS)) ## build the static programs (default)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 16

include mk/flags.mk mk/programs.mk mk/tests.mk mk/hostile.mk mk/bench.mk mk/images.mk

clean: ## remove what was built, but not the third-party archives
	rm -rf $(addprefix build/,release asan tsan cov failing fuzz images) $(RESULTS) $(addprefix build/,$(PROGRAMS))

.PHONY: all help clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
