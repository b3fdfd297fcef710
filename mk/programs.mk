# Objects, archives and the static programs.

sources = $(filter-out $(1)/tests/%,$(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*.cpp))
objects = $(addprefix $(B)/,$(addsuffix .o,$(basename $(call sources,$(1)))))

COMMON_LIB := $(B)/common.a

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

# The compiler does not tell what .incbin reads.
$(B)/job_service/embedded.o: job_service/db/schema.sql job_service/api/openapi.json
