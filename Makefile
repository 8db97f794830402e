# SPDX-License-Identifier: GPL-2.0-only
#
# One file builds everything, all of it under build/. `make help` lists the targets.
#
# Variables: V=1 shows the commands; DEBUG=1 builds unoptimised, SAN=1 with AddressSanitizer and
# UBSan, COVERAGE=1 with gcov, each in a directory of its own; WERROR=1 makes warnings errors;
# STAGES="discover decode" leaves the other stages' sources out of the library and the unit tests.

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
UNITDIR ?= $(PREFIX)/lib/systemd/system
DEFAULTDIR ?= $(PREFIX)/share/doc/vtbpf
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
# bpftool lives in /usr/sbin, which an ordinary user's PATH may lack; on Ubuntu the name in PATH is
# a wrapper that refuses to run when the kernel's own tools package is not there.
BPFTOOL ?= $(shell scripts/find-bpftool.sh)

V ?= 0
WERROR ?= 0
ALL_STAGES := discover trace decode write
STAGES ?= $(ALL_STAGES)
FUZZ_TIME ?= 30

ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(2)'
MAKEFLAGS += --no-print-directory
endif

# --- variants ------------------------------------------------------------------------------------

B := build
OPT := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
ifdef DEBUG
B := build/debug
OPT := -O0 -DDEBUG
endif
ifdef SAN
B := build/san
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT := -O1
endif
ifdef COVERAGE
B := build/coverage
SAN_FLAGS := --coverage
OPT := -O0
endif

# --- flags ---------------------------------------------------------------------------------------

MACHINE := $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(MACHINE)))

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wdeclaration-after-statement \
	-Wvla -Wwrite-strings -Wformat=2
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection
ifeq ($(MACHINE),x86_64)
HARDENING += -fcf-protection
else ifeq ($(MACHINE),aarch64)
HARDENING += -mbranch-protection=standard
endif
ifneq ($(WERROR),0)
WARN += -Werror
endif

# Where the tree lies is in no file that is built: two builds of one tree are one sequence of bytes.
SAME_PATHS := -ffile-prefix-map=$(CURDIR)=.

CPPFLAGS_ALL := -D_GNU_SOURCE -I$(B) $(CPPFLAGS)
CFLAGS_ALL := -std=gnu11 -g $(OPT) $(WARN) $(HARDENING) -fno-common \
	$(SAME_PATHS) $(SAN_FLAGS) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(SAN_FLAGS) $(LDFLAGS)

# One binary that can be copied to another host: everything but libc is linked statically. libelf
# needs libzstd from elfutils 0.189 on; pkg-config knows.
STATIC_LIBS = $(filter -l%,$(shell $(PKG_CONFIG) --static --libs libbpf libelf capstone zlib libseccomp))
LIBS = -Wl,-Bstatic -Wl,--start-group $(LIB) $(sort $(filter-out -lpthread,$(STATIC_LIBS))) \
	-Wl,--end-group -Wl,-Bdynamic -lpthread -lm

BPF_FLAGS := -target bpf -g -O2 -mcpu=v3 -std=gnu11 -Wall -Wextra $(SAME_PATHS) \
	$(filter -Werror,$(WARN)) -D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux -Ibpf -I$(B)
# <bpf/bpf_helpers.h> and friends come from libbpf-dev; the multiarch directory holds <asm/types.h>.
BPF_FLAGS += -idirafter /usr/include/$(MACHINE)-linux-gnu -idirafter /usr/include

# Nothing is left to be found at run time: runs on any distribution's root.
STATIC_LDFLAGS = $(filter-out -pie,$(LDFLAGS_ALL)) -static-pie
ALL_STATIC_LIBS = -Wl,--start-group $(LIB) $(sort $(STATIC_LIBS)) -Wl,--end-group -lpthread -lm
# A distribution's package has the distribution's libraries. libbpf stays within: Debian 12 itself
# has one that is too old.
SHARED_LIBS = $(LIB) -Wl,-Bstatic -lbpf -Wl,-Bdynamic -lelf -lcapstone -lseccomp -lz -lpthread -lm

# --- sources -------------------------------------------------------------------------------------

BPF_SRC := $(wildcard bpf/*.bpf.c)
BPF_OBJ := $(BPF_SRC:%.c=$(B)/%.o)
SKEL := $(if $(BPF_SRC),$(B)/vtbpf.skel.h $(B)/vtbpf_old.skel.h)

USER_SRC := $(wildcard user/*.c $(STAGES:%=user/%/*.c))
USER_OBJ := $(USER_SRC:%.c=$(B)/%.o)
LIB_OBJ := $(filter-out $(B)/user/main.o,$(USER_OBJ))
empty :=
LIB := $(B)/libvtbpf$(if $(filter-out $(STAGES),$(ALL_STAGES)),-$(subst $(empty) $(empty),-,$(STAGES))).a

# test_dwarf needs libdw, and with it the libelf that libdw uses.
HAVE_LIBDW := $(shell $(PKG_CONFIG) --exists libdw && echo 1)
UNIT_SRC := $(filter-out $(if $(HAVE_LIBDW),,%/test_dwarf.c),$(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
UNIT_AUX := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
UNIT_AUX_OBJ := $(UNIT_AUX:%.c=$(B)/%.o)

# There is no kernel side in a unit test.
LDFLAGS_test_thread_decisions := -Wl,--wrap=tracer__decide_thread,--wrap=tracer__forget_thread

BPFTEST_SRC := $(wildcard tests/bpf/test_*.c)
BPFTEST_BIN := $(BPFTEST_SRC:%.c=$(B)/%)
BPFTEST_AUX := $(filter-out $(BPFTEST_SRC) %.bpf.c,$(wildcard tests/bpf/*.c))
BPFTEST_AUX_OBJ := $(BPFTEST_AUX:%.c=$(B)/%.o)
BPFTEST_SKEL := $(patsubst %.bpf.c,$(B)/%.skel.h,$(wildcard tests/bpf/*.bpf.c))

BENCH_BIN := $(B)/tests/bench/attach_empty

FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/%.c=build/%)
REPLAY_BIN := $(FUZZ_SRC:%.c=$(B)/%.replay)

.DELETE_ON_ERROR:
.PRECIOUS: %.bpf.o
.DEFAULT_GOAL := all

# --- the program ---------------------------------------------------------------------------------

.PHONY: all
all: $(B)/vtbpf
	$(fix-owner)

# What root builds inside a user's clone belongs to that user afterwards.
fix-owner = @scripts/fix-owner.sh build

$(B)/vtbpf: $(B)/user/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(B)/user/%.o: user/%.c Makefile | $(SKEL)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The names of the machine's system calls, by the numbers that <sys/syscall.h> gives them.
$(B)/syscalls.inc: Makefile
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <sys/syscall.h>' | $(CC) $(CPPFLAGS_ALL) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z][a-z0-9_]*\) .*/[__NR_\1] = "\1",/p' | \
		grep -Ev '_(syscalls|arch_specific_syscall)\]' | sort > $@

$(B)/user/trace/syscall_names.o: $(B)/syscalls.inc

# The report's page lies in the program as it is.
$(B)/user/write/html_assets.o: $(wildcard user/write/html/*)

# The same objects, linked in other ways. What the linker took is what the list of parts says.
$(B)/vtbpf-static: $(B)/user/main.o $(B)/scripts/dist/static_nss.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(STATIC_LDFLAGS) -Wl,--no-warnings -o $@ $(filter %.o,$^) $(ALL_STATIC_LIBS)

$(B)/vtbpf-shared: $(B)/user/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--as-needed -o $@ $< $(SHARED_LIBS)

$(B)/scripts/dist/%.o: scripts/dist/%.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# --- the BPF side --------------------------------------------------------------------------------

# Two patterns, because the one for tests/%.o would else be the closer match.
$(B)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c Makefile
	$(compile-bpf)

$(B)/%.bpf.o: %.bpf.c Makefile
	$(compile-bpf)

define compile-bpf
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@
endef

# For kernels without bpf_loop().
$(B)/%.old.bpf.o: %.bpf.c Makefile
	$(compile-bpf)

$(B)/%.old.bpf.o: BPF_FLAGS += -DVTBPF_OLD_KERNEL

$(B)/vtbpf.linked.o: $(BPF_OBJ)
$(B)/vtbpf_old.linked.o: $(BPF_OBJ:%.bpf.o=%.old.bpf.o)
$(B)/%.linked.o:
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/vtbpf.skel.h: $(B)/vtbpf.linked.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name vtbpf_bpf > $@

# The program looks at both objects through one structure.
$(B)/vtbpf_old.skel.h: $(B)/vtbpf_old.linked.o $(B)/vtbpf.linked.o
	$(call say,SKEL,$@)
	$(Q)for o in $^; do \
		$(BPFTOOL) gen skeleton $$o name same | sed -n '/^struct same {/,/^};/p' | cksum; \
	done | uniq | wc -l | grep -qx 1 || \
		{ echo 'the objects of $^ differ in maps, programs or variables' >&2; exit 1; }
	$(Q)$(BPFTOOL) gen skeleton $< name vtbpf_old > $@

$(B)/tests/bpf/%.skel.h: $(B)/tests/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- tests ---------------------------------------------------------------------------------------

$(B)/tests/%.o: tests/%.c Makefile | $(SKEL) $(BPFTEST_SKEL)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -I$(B)/tests/bpf $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(UNIT_BIN): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(UNIT_AUX_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(LDFLAGS_$*) -o $@ $^ -lcmocka $(LIBS)

$(B)/tests/unit/test_dwarf: LIBS = $(LIB) -ldw -lelf -lcapstone -lz -lm

$(BENCH_BIN): $(B)/tests/bench/attach_empty.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BPFTEST_BIN): $(B)/tests/bpf/%: $(B)/tests/bpf/%.o $(BPFTEST_AUX_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(LDFLAGS_$*) -o $@ $^ -lcmocka $(LIBS)

.PHONY: coverage units check check-san check-bpf check-e2e check-vm check-cycles check-samples
.PHONY: check-faults test
units: $(UNIT_BIN) $(REPLAY_BIN)

check: $(UNIT_BIN) $(REPLAY_BIN)
	$(fix-owner)
	$(if $(HAVE_LIBDW),,@echo 'skipped test_dwarf: libdw is not installed')
	$(Q)scripts/run-units.sh $(UNIT_BIN) $(REPLAY_BIN)

check-san:
	$(Q)$(MAKE) SAN=1 check

# Lines that the unit tests and the fuzzers' corpus run.
coverage:
	$(Q)$(MAKE) COVERAGE=1 units
	$(Q)find build/coverage -name '*.gcda' -delete
	$(Q)$(MAKE) COVERAGE=1 check
	$(Q)$(PYTHON) scripts/coverage.py build/coverage $(COVERAGE_ARGS)

check-bpf: $(BPFTEST_BIN)
	$(fix-owner)
	$(Q)scripts/run-units.sh $(BPFTEST_BIN)

check-e2e: all
	$(Q)$(PYTHON) tests/e2e/run.py --vtbpf build/vtbpf $(E2E)

check-browser: all
	$(Q)$(PYTHON) tests/e2e/run.py --cases tests/browser --limit 400 --vtbpf build/vtbpf $(E2E)

check-vm: static $(BPFTEST_BIN)
	$(Q)scripts/vmtest.sh $(if $(CASES),-k '$(CASES)') $(KERNELS)

check-cycles: all
	$(Q)$(PYTHON) scripts/check_cycles.py $(CYCLES)

check-samples: all
	$(Q)$(PYTHON) scripts/check_samples.py $(SAMPLES)

check-faults: all
	$(Q)$(PYTHON) tests/faults/check.py --vtbpf build/vtbpf $(if $(SEED),--seed $(SEED)) $(FAULTS)

test:
	$(Q)scripts/test.sh

# --- fuzzing -------------------------------------------------------------------------------------

# Each tests/fuzz/fuzz_X.c holds one LLVMFuzzerTestOneInput(); seeds lie in tests/fuzz/corpus/X/.
.PHONY: fuzz
fuzz: $(FUZZ_BIN)
	$(fix-owner)
	$(Q)scripts/run-fuzz.sh $(FUZZ_TIME) $(FUZZ_BIN)

FUZZ_FLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined
FUZZ_LIB_OBJ := $(LIB_OBJ:$(B)/%=build/fuzz/%)

$(FUZZ_BIN): build/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libvtbpf.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $(subst $(LIB),build/fuzz/libvtbpf.a,$^ $(LIBS))

build/fuzz/user/trace/syscall_names.o: $(B)/syscalls.inc

build/fuzz/libvtbpf.a: $(FUZZ_LIB_OBJ)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

build/fuzz/%.o: %.c Makefile | $(SKEL)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP \
		-c -o $@ $<

# The same entry points fed with the corpus only: part of `check`, any compiler will do.
$(REPLAY_BIN): $(B)/tests/fuzz/%.replay: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# --- for users and developers --------------------------------------------------------------------

.PHONY: deps pythons demo bench lint format install uninstall clean help
.PHONY: completions static sbom dist deb check-repro check-packages
deps:
	$(Q)scripts/install-deps.sh

pythons:
	$(Q)scripts/fetch-pythons.sh

demo:
	$(Q)scripts/demo.sh

bench: all $(BENCH_BIN)
	$(Q)$(PYTHON) scripts/bench.py $(BENCH)
	$(Q)$(PYTHON) scripts/bench_viztracer.py
	$(Q)$(PYTHON) scripts/bench_convert.py
	$(Q)$(PYTHON) scripts/bench_noise.py
	$(Q)$(PYTHON) scripts/bench_production.py
	$(Q)$(PYTHON) scripts/bench_overhead.py --seconds 20

# The option tables are in the program; what it says of them is in the completions.
completions: all
	$(Q)$(PYTHON) scripts/gen_completions.py $(B)/vtbpf

lint:
	$(Q)scripts/lint.sh

FORMAT_SRC := $(wildcard bpf/*.[ch] user/*.[ch] user/*/*.[ch] tests/*/*.[ch] vmlinux/*.h)
format:
	$(Q)clang-format -i $(FORMAT_SRC)

# --- packages ------------------------------------------------------------------------------------

static: $(B)/vtbpf-static
	$(fix-owner)

# What the linker takes for a program: from one more link, which writes nothing else.
$(B)/%.spdx.json: $(B)/% scripts/dist/sbom.py
	$(call say,SBOM,$@)
	$(Q)$(CC) $(SBOM_LDFLAGS) -Wl,-t,-t -o /dev/null $(filter-out $(LIB),$(SBOM_OBJ)) $(SBOM_LIBS) \
		>$@.linked
	$(Q)$(PYTHON) scripts/dist/sbom.py $< $@.linked >$@

SBOM_LDFLAGS = $(LDFLAGS_ALL)
SBOM_OBJ = $(B)/user/main.o
SBOM_LIBS = $(LIBS)
$(B)/vtbpf-static.spdx.json: SBOM_LDFLAGS = $(STATIC_LDFLAGS) -Wl,--no-warnings
$(B)/vtbpf-static.spdx.json: SBOM_OBJ = $(B)/user/main.o $(B)/scripts/dist/static_nss.o
$(B)/vtbpf-static.spdx.json: SBOM_LIBS = $(ALL_STATIC_LIBS)
$(B)/vtbpf-shared.spdx.json: SBOM_LDFLAGS = $(LDFLAGS_ALL) -Wl,--as-needed
$(B)/vtbpf-shared.spdx.json: SBOM_LIBS = $(SHARED_LIBS)

sbom: $(B)/vtbpf.spdx.json $(B)/vtbpf-static.spdx.json
	$(fix-owner)

dist:
	$(Q)scripts/dist/tarball.sh build/dist

deb: $(B)/vtbpf-shared $(B)/vtbpf-shared.spdx.json
	$(Q)scripts/dist/deb.sh $(B)/vtbpf-shared build/dist
	$(fix-owner)

check-packages: all static $(B)/vtbpf-shared.spdx.json sbom
	$(Q)scripts/dist/check.sh

check-repro:
	$(Q)scripts/dist/check-repro.sh

PROGRAM ?= $(B)/vtbpf
install: $(PROGRAM)
	install -D -s -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/vtbpf
	install -D -m 644 scripts/dist/vtbpf.1 $(DESTDIR)$(MANDIR)/man1/vtbpf.1
	install -D -m 644 scripts/dist/completions/bash $(DESTDIR)$(BASHCOMPDIR)/vtbpf
	install -D -m 644 scripts/dist/completions/zsh $(DESTDIR)$(ZSHCOMPDIR)/_vtbpf
	install -D -m 644 scripts/dist/completions/fish $(DESTDIR)$(FISHCOMPDIR)/vtbpf.fish
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/local/bin|$(BINDIR)|' scripts/dist/vtbpf.service > $(DESTDIR)$(UNITDIR)/vtbpf.service
	install -D -m 644 scripts/dist/vtbpf.default $(DESTDIR)$(DEFAULTDIR)/vtbpf.default

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/vtbpf $(DESTDIR)$(MANDIR)/man1/vtbpf.1 \
		$(DESTDIR)$(BASHCOMPDIR)/vtbpf $(DESTDIR)$(ZSHCOMPDIR)/_vtbpf \
		$(DESTDIR)$(FISHCOMPDIR)/vtbpf.fish $(DESTDIR)$(UNITDIR)/vtbpf.service \
		$(DESTDIR)$(DEFAULTDIR)/vtbpf.default

clean:
	rm -rf build

help:
	@echo 'make             build build/vtbpf'
	@echo 'sudo make demo   install what is missing, build, trace a bundled program, show the result'
	@echo 'sudo make test   install what is missing, build, run every test'
	@echo 'make deps        only install what is missing (as root)'
	@echo 'make check       unit tests (no root)'
	@echo 'make check-san   the same with AddressSanitizer and UBSan'
	@echo 'make coverage    lines that the unit tests run, with a floor for each folder'
	@echo 'make check-bpf   BPF program tests (root)'
	@echo 'make check-e2e   end-to-end tests on the Pythons found (root); E2E="-k NAME" picks some'
	@echo 'make check-browser  what vtbpf writes, in the Perfetto UI and other programs that show it (root)'
	@echo 'make check-vm    BPF and end-to-end tests on Linux 5.10, 6.1, 6.12 and 7 (root); KERNELS="6.1" picks some'
	@echo 'make check-cycles  a thousand times attached and detached: harm, stalls (root, half an hour)'
	@echo 'make check-samples  millions of sampled stacks: is each a real one, are all there (root, ten minutes)'
	@echo 'make check-faults  kills, crashes, full disks, overflow, cycles, a soak; SEED=N, FAULTS="--short" (root, hours)'
	@echo 'make pythons     more interpreters for check-e2e, in /var/cache/vtbpf-pythons (root)'
	@echo 'make fuzz        libFuzzer on every parser, FUZZ_TIME=30 seconds each'
	@echo 'make bench       what a traced call costs (root)'
	@echo 'make lint        include direction, format, shellcheck, cppcheck, clang-tidy, codespell'
	@echo 'make completions make the shell completions from the options of the program'
	@echo 'make format      clang-format in place'
	@echo 'make install     PREFIX=/usr/local DESTDIR='
	@echo 'make uninstall   the same'
	@echo 'make static      build/vtbpf-static, which needs no library of the machine that it runs on'
	@echo 'make dist        build/dist/vtbpf-VERSION.tar.gz, of what git has'
	@echo 'make deb         build/dist/vtbpf_VERSION_ARCH.deb, for the distribution that it is built on'
	@echo 'make sbom        build/vtbpf.spdx.json: the parts that are linked in (SPDX)'
	@echo 'make check-packages  static program, package, tarball: do they run, are they the same twice'
	@echo 'make check-repro build twice in two directories: is it the same program (two minutes)'
	@echo 'make clean       remove build/'
	@echo 'Variables: V=1 DEBUG=1 SAN=1 COVERAGE=1 WERROR=1 CC= CLANG= BPFTOOL= PYTHON='

-include $(shell test -d $(B) && find $(B) -name '*.d')
