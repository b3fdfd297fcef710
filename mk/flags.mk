# How C is compiled and linked, by profile: release, portable (release with no vectors that a
# processor may lack), asan (address and undefined behaviour), tsan (threads), cov (branch
# coverage), fuzz.

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
CFLAGS_portable = $(CFLAGS_release) -DPORTABLE
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -fsanitize=thread
CFLAGS_cov := -O0 --coverage
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_release := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LDFLAGS_portable = $(LDFLAGS_release)
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
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
LIBS_job_runner := $(LIBS_COMMON)
LIBS_aggregator := -L$(DEPS)/lib -lcurl -lpq -lpgcommon_shlib -lpgport_shlib -lssl -lcrypto -lzstd $(LIBS_COMMON)
LIBS_job_service := -L$(DEPS)/lib -lmicrohttpd $(LIBS_aggregator)
LIBS_gvisor_installer := -L$(DEPS)/lib -lcurl -lssl -lcrypto -larchive -lbz2 -lstdc++ $(LIBS_COMMON)
