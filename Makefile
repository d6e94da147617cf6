# dcls: one executable at ./dcls. `make demo` and `make test` install what is missing on Debian 12.
#
#   make              build ./dcls
#   make demo         train, classify and shut down, end to end
#   make test         every test that needs nothing but this repository
#   make test-page    the page in a browser (Debian's chromium); its pictures are left in BUILD/page
#   make test-shared  tests on photos, ImageNet weights and PyTorch: DCLS_SHARED names their folder
#   make bench        dcls beside PyTorch and ONNX Runtime: BENCH_PAIRS pairs of runs each, written to BENCH_REPORT
#   make bench-limits the broker under load beside what it has to bear, a part of make bench
#   make accuracy     what dcls trains beside what PyTorch trains, over SEEDS seeds: needs DCLS_SHARED; ACCURACY_CASES
#                     names some of resnet, mobilenet, efficientnet, fast-decode, ACCURACY_REPORT where it is written
#   make asan         make test under AddressSanitizer and UndefinedBehaviorSanitizer
#   make valgrind-job one job through a broker and a node under memcheck; make tsan-job: under the thread sanitizer
#   make soak         SOAK_MINUTES of random use and random faults, then what has to hold (by hand)
#   make sim          SEEDS (2000) simulated clusters: the cores of broker and node among faults
#   make mutations    that the simulation finds what is broken on purpose (by hand)
#   make faults       every system call and every allocation of broker and node fails once (by hand)
#   make fuzz         each fuzzer for FUZZ_SECONDS
#   make lint         format, warnings as errors, the rules in tests/lint (who may use what, …), cppcheck
#   make install      DESTDIR= PREFIX=

PREFIX ?= /usr/local
BUILD ?= build
PROGRAM ?= dcls
PYTHON ?= /usr/bin/python3
DCLS_SHARED ?=
PEERS := $(BUILD)/peers
ORT_MODULES ?= $(PEERS)/node_modules
FUZZ_SECONDS ?= 30
BENCH_PAIRS ?= 5
SEEDS ?= 5
ACCURACY_REPORT ?= docs/ACCURACY.md
ACCURACY_CASES ?=
BENCH_REPORT ?= docs/BENCHMARKS.md
BENCH_README := $(if $(filter docs/BENCHMARKS.md,$(BENCH_REPORT)),README.md)
ONNXRUNTIME := 1.30.0
CHART_JS ?= /usr/share/javascript/chart.js/chart.min.js
JOBS := $(shell nproc)

BUILD_DEPS := build-essential pkg-config libcjson-dev libcurl4-openssl-dev libssl-dev libdnnl-dev libstb-dev \
              libevent-dev libsqlite3-dev libjpeg62-turbo-dev libpng-dev libwebp-dev \
              libheif-dev libzip-dev zlib1g-dev libjs-chart.js
DEMO_DEPS := $(BUILD_DEPS) dataset-fashion-mnist curl python3 python3-pil
TEST_DEPS := $(DEMO_DEPS) libheif1 libcmocka-dev python3-pytest python3-pytest-xdist mandoc openssl locales
PAGE_DEPS := $(TEST_DEPS) chromium chromium-driver python3-selenium prometheus
LINT_DEPS := cppcheck clang-format clang libclang-rt-14-dev libomp-14-dev python3-pytest
SHARED_DEPS := python3-torch python3-torchvision $(if $(shell command -v npm),,nodejs npm)

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wwrite-strings -Wvla -Wpointer-arith -Wformat=2
BANNED := -include include/dcls/base/banned.h
DCLS_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Iinclude -I. $(WARNINGS) -fno-math-errno -fno-trapping-math -pthread -fopenmp \
               $(BANNED) -isystem /usr/include/stb
LIBS := -Wl,--as-needed -ldnnl -lcurl -lcjson -levent_core -levent_extra -levent_pthreads -lsqlite3 -ljpeg -lpng -lwebp \
    -lwebpdemux -lzip -lz \
        -lcrypto -lm

# A part is a folder that becomes one archive; what each may use is checked by tests/lint.
base_DIRS := src/base
net_DIRS := src/net
proto_DIRS := proto
nn_DIRS := nn nn/graph nn/train nn/ops nn/cpu nn/cpu/onednn nn/cpu/kernels nn/models nn/data nn/formats
broker_DIRS := src/broker src/broker/http
node_DIRS := src/node
worker_DIRS := src/worker
helper_DIRS := src/helper
client_DIRS := src/client
bench_DIRS := src/bench
broker_MADE := $(BUILD)/src/broker/http/page_files.o
PARTS := broker node worker helper client bench nn net proto base
define part_rules
$(1)_OBJS := $$(patsubst %.c,$$(BUILD)/%.o,$$(wildcard $$(addsuffix /*.c,$$($(1)_DIRS)))) $$($(1)_MADE)
$$(BUILD)/lib$(1).a: $$($(1)_OBJS)
	@rm -f $$@
	ar rcs $$@ $$^
OBJS += $$($(1)_OBJS)
endef
$(foreach part,$(PARTS),$(eval $(call part_rules,$(part))))
archives = $(foreach part,$(1),$(BUILD)/lib$(part).a)

# A unit test links its own part and what that part may use.
base_USES := base
net_USES := net proto base
proto_USES := proto base
nn_USES := nn base
broker_USES := broker net proto base
node_USES := node nn net proto base
worker_USES := worker nn net proto base
helper_USES := helper nn net proto base
client_USES := client nn net proto base
bench_USES := bench nn base

.DEFAULT_GOAL := all
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/src/main.o $(call archives,$(PARTS))
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(DCLS_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page's files become C. The list of them is a file that changes when it does: one that is taken away counts too.
PAGE_FILES := $(sort $(filter-out %~,$(wildcard src/broker/page/*.*))) chart.js=$(CHART_JS)
EMBED := $(BUILD)/src/embed/embed
$(EMBED): $(BUILD)/src/embed/embed.o $(call archives,base)
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/page_files.list: FORCE
	@mkdir -p $(@D)
	@echo '$(PAGE_FILES)' | cmp -s - $@ || echo '$(PAGE_FILES)' >$@
$(BUILD)/src/broker/http/page_files.c: $(EMBED) $(BUILD)/page_files.list $(patsubst chart.js=%,%,$(PAGE_FILES))
	@mkdir -p $(@D)
	$(EMBED) $@ $(PAGE_FILES)
$(broker_MADE): %.o: %.c
	$(CC) $(CPPFLAGS) $(DCLS_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Pillow's pixels are those of a multiplication and an addition, each rounded.
$(BUILD)/nn/data/colour.o $(BUILD)/nn/data/augment.o: DCLS_CFLAGS += -ffp-contract=off

define unit_rules
$(1)_TESTS := $$(patsubst tests/unit/%.c,$$(BUILD)/tests/unit/%,$$(wildcard tests/unit/$(1)/test_*.c))
UNIT_TESTS += $$($(1)_TESTS)
$$($(1)_TESTS): $$(BUILD)/tests/unit/%: $$(BUILD)/tests/unit/%.o $$(call archives,$$($(1)_USES))
	$$(CC) $$(CFLAGS) $$(DCLS_CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
unit-$(1): $$($(1)_TESTS)
	@status=0; for t in $$^; do echo "== $$$$t"; OMP_WAIT_POLICY=passive $$$$t || status=1; done; exit $$$$status
endef
$(foreach part,$(PARTS),$(eval $(call unit_rules,$(part))))
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Fuzzers: tests/fuzz/fuzz_X.c with the parts it may need.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call archives,nn proto base)
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Small programs that tests run: tests/tools/X.c.
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
$(TOOLS): $(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(call archives,nn proto base)
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Libraries that change what a process is told by the system: tests/shim/X.c. They are loaded before a sanitizer's.
SHIMS := $(patsubst tests/shim/%.c,$(BUILD)/tests/shim/%.so,$(wildcard tests/shim/*.c))
$(SHIMS): $(BUILD)/tests/shim/%.so: tests/shim/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -g $(DCLS_CFLAGS) -MMD -MP -fPIC -shared -o $@ $<

# The simulation: tests/sim and the pure cores that it lists, without whatever sends, waits or stores.
SIM := $(BUILD)/tests/sim/cluster
SIM_CORES := $(shell cat tests/sim/cores)
SIM_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/sim/test_%,$(wildcard tests/sim/*.c))) \
            $(SIM_CORES:%=$(BUILD)/%.o)
SIM_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/sim/test_*.c))
SIM_SEEDS := $(if $(filter file,$(origin SEEDS)),2000,$(SEEDS))
$(SIM): $(SIM_OBJS) $(call archives,proto base)
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(SIM_TESTS): %: %.o $(filter-out %/cluster.o,$(SIM_OBJS)) $(call archives,proto base)
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
UNIT_TESTS += $(SIM_TESTS)

# $(call install_packages,PACKAGES): those that are missing, with sudo where not root.
define install_packages
	@missing=; for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] && exit 0; \
	command -v apt-get >/dev/null || { echo "this is no Debian: the needed packages are:$$missing"; exit 1; }; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing:$$missing"; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -q --no-install-recommends $$missing
endef

deps:
	$(call install_packages,$(TEST_DEPS))

demo:
	$(call install_packages,$(DEMO_DEPS))
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@examples/demo.sh

test: deps
	@$(MAKE) --no-print-directory -j$(JOBS) build-tests
	@$(MAKE) --no-print-directory run-tests

# test_allocations replaces malloc, and so does AddressSanitizer.
ifneq ($(findstring address,$(CFLAGS)),)
UNIT_TESTS := $(filter-out %/test_allocations,$(UNIT_TESTS))
endif

build-tests: $(PROGRAM) $(UNIT_TESTS) $(SHIMS) $(SIM) $(BUILD)/tests/tools/call_faults

# End-to-end tests wait for most of their time, so that three of them a core run beside each other.
run-tests:
	@$(MAKE) --no-print-directory -k -j$(JOBS) --output-sync=target $(addsuffix .run,$(UNIT_TESTS))
	$(SIM) --seeds 1-$(SIM_SEEDS)
	DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) \
	    $(PYTHON) -m pytest -q -p no:cacheprovider -n $$((3 * $(JOBS))) tests/e2e

# A test that runs beside others leaves them the cores while its threads wait.
%.run: %
	@echo "== $<"; OMP_WAIT_POLICY=passive $<

# A browser and its cluster keep a core busy: no more of them beside each other than there are cores.
test-page:
	$(call install_packages,$(PAGE_DEPS))
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM)
	DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) \
	    $(PYTHON) -m pytest -q -p no:cacheprovider -n $(JOBS) --dist loadfile tests/page

# PyTorch's large tensors would be pages that the system gives and takes back each time: most of its time here.
KEEP_PAGES := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000

test-shared:
	$(call install_packages,$(TEST_DEPS) $(SHARED_DEPS))
	@[ -d "$(DCLS_SHARED)/data" ] || { echo "make test-shared: DCLS_SHARED='$(DCLS_SHARED)' has no data/"; exit 1; }
	@[ -d "$(ORT_MODULES)/onnxruntime-node" ] || $(MAKE) --no-print-directory $(ONNXRUNTIME_PACKAGE)
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(TOOLS)
	$(KEEP_PAGES) DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) DCLS_SHARED=$(abspath $(DCLS_SHARED)) \
	    ORT_MODULES=$(abspath $(ORT_MODULES)) OMP_NUM_THREADS=1 \
	    $(PYTHON) -m pytest -q -p no:cacheprovider -n $(JOBS) --dist loadfile tests/shared

# npm comes with Node where that is not Debian's. The package downloads libraries for GPUs unless it is told not to.
ONNXRUNTIME_PACKAGE := $(PEERS)/node_modules/onnxruntime-node/package.json
$(ONNXRUNTIME_PACKAGE):
	@mkdir -p $(PEERS)
	ONNXRUNTIME_NODE_INSTALL=skip npm install --prefix $(PEERS) --no-audit --no-fund onnxruntime-node@$(ONNXRUNTIME)

accuracy:
	$(call install_packages,$(DEMO_DEPS) $(SHARED_DEPS) python3-numpy)
	@[ -d "$(DCLS_SHARED)/data" ] || { echo "make accuracy: DCLS_SHARED='$(DCLS_SHARED)' has no data/"; exit 1; }
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(BUILD)/tests/tools/trainer
	$(KEEP_PAGES) DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) DCLS_SHARED=$(abspath $(DCLS_SHARED)) \
	    $(PYTHON) tests/bench/accuracy.py $(ACCURACY_REPORT) $(SEEDS) $(ACCURACY_CASES)

bench:
	$(call install_packages,$(DEMO_DEPS) $(SHARED_DEPS) python3-numpy $(if $(shell command -v npm),,nodejs npm))
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(BUILD)/tests/tools/loader $(ONNXRUNTIME_PACKAGE)
	DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) \
	    $(PYTHON) tests/bench/bench.py $(PEERS) $(BENCH_REPORT) $(BENCH_PAIRS) $(BENCH_README)
	@$(MAKE) --no-print-directory bench-limits

# LIMITS names some of the measures, of which tests/bench/limits.py has the list; then nothing is written.
LIMITS ?=
bench-limits:
	$(call install_packages,$(DEMO_DEPS) chromium chromium-driver python3-selenium)
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM)
	DCLS=$(abspath $(PROGRAM)) $(PYTHON) tests/bench/limits.py $(or $(LIMITS),--report $(BENCH_REPORT))

# One job through a broker and a node that memcheck or the thread sanitizer watches.
valgrind-job: deps
	$(call install_packages,valgrind)
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(SHIMS)
	DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/soak/one_job.py valgrind

tsan-job: deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-tsan PROGRAM=dcls-tsan CFLAGS="-O1 -g -fsanitize=thread" \
	    dcls-tsan
	DCLS=$(abspath dcls-tsan) $(PYTHON) tests/soak/one_job.py thread-sanitizer

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan: deps
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-asan PROGRAM=dcls-asan CFLAGS="-O1 -g $(SANITIZE)" build-tests
	@$(MAKE) --no-print-directory BUILD=build-asan PROGRAM=dcls-asan CFLAGS="-O1 -g $(SANITIZE)" run-tests

SOAK_MINUTES ?= 30
soak: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM)
	DCLS=$(abspath $(PROGRAM)) $(PYTHON) tests/soak/soak.py --minutes $(SOAK_MINUTES)

sim: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $(SIM)
	$(SIM) --seeds 1-$(SIM_SEEDS)

mutations: deps
	$(PYTHON) tests/sim/mutations.py

# By hand: an hour, and more under a sanitizer.
faults: deps
	@$(MAKE) --no-print-directory -j$(JOBS) build-tests
	DCLS=$(abspath $(PROGRAM)) DCLS_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/e2e/faults_all.py
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-asan PROGRAM=dcls-asan CFLAGS="-O1 -g $(SANITIZE)" build-tests
	DCLS=$(abspath dcls-asan) DCLS_BUILD=$(abspath build-asan) $(PYTHON) tests/e2e/allocations_all.py

fuzz:
	$(call install_packages,$(BUILD_DEPS) $(LINT_DEPS))
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz CC=clang WARNINGS= \
	    CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" build-fuzzers
	@$(MAKE) --no-print-directory -k -j$(JOBS) --output-sync=target $(FUZZERS:$(BUILD)/%=build-fuzz/%.fuzz)
%.fuzz: %
	@echo "== $<, $(FUZZ_SECONDS) s"; corpus=$$(mktemp -d); seeds=tests/fuzz/seeds/$(notdir $<); [ -d $$seeds ] || seeds=; \
	$< -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=25 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix=build-fuzz/ $$corpus $$seeds && rm -rf $$corpus
build-fuzzers: $(FUZZERS)

lint:
	$(call install_packages,$(BUILD_DEPS) $(LINT_DEPS) libcmocka-dev)
	find src nn proto include tests -name '*.[ch]' | xargs clang-format --dry-run -Werror
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-lint PROGRAM=build-lint/dcls CFLAGS="-O2 -g -Werror" BANNED= all
	$(PYTHON) tests/lint/lint.py build-lint $(CC) $(filter-out $(BANNED),$(DCLS_CFLAGS))
	$(PYTHON) -m pytest -q -p no:cacheprovider tests/lint
	@mkdir -p build-lint/cppcheck
	cppcheck --cppcheck-build-dir=build-lint/cppcheck --quiet --std=c11 --language=c --inline-suppr \
	    --error-exitcode=1 -j$(JOBS) --enable=warning,performance,portability --suppress=missingIncludeSystem \
	    -Iinclude -I. src nn proto

install: all
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/dcls
	for page in man/*.1; do install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $$page; done
	for page in man/*.7; do install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man7 $$page; done
	install -D -m 644 examples/completion/dcls.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dcls

clean:
	rm -rf $(BUILD) build-asan build-tsan build-fuzz build-lint $(PROGRAM) dcls-asan dcls-tsan

FORCE:

.PHONY: FORCE all deps demo test build-tests run-tests test-page sim mutations test-shared bench bench-limits \
        accuracy asan valgrind-job tsan-job faults soak fuzz build-fuzzers lint install clean
