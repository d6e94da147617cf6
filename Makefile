# dcls: one executable at ./dcls. `make demo` and `make test` set up everything they need on Debian 12.
#
#   make            build ./dcls                     make test    all tests that need nothing but this repository
#   make demo       train and classify, end to end   make test-shared   tests on the files under $(DCLS_SHARED)
#   make lint       warnings, cppcheck, layers       make asan    make test under ASan + UBSan
#   make fuzz       each fuzzer for FUZZ_SECONDS     make install DESTDIR= PREFIX=

PREFIX ?= /usr/local
BUILD ?= build
PROGRAM ?= dcls
PYTHON ?= /usr/bin/python3
DCLS_SHARED ?=
FUZZ_SECONDS ?= 30
# Programs that a test needs beside the build: see scripts of tests/.
DEPS := build-essential pkg-config libcjson-dev libcurl4-openssl-dev libssl-dev libdnnl-dev libstb-dev libevent-dev \
        libsqlite3-dev libjpeg62-turbo-dev libzip-dev zlib1g-dev libcmocka-dev python3 python3-pytest python3-pil \
        dataset-fashion-mnist curl
LINT_DEPS := cppcheck clang libclang-rt-14-dev

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wwrite-strings -Wvla -Wpointer-arith -Wformat=2
DCLS_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Iinclude -I. $(WARNINGS) -fno-math-errno -fno-trapping-math -pthread -fopenmp \
               -include include/dcls/base/banned.h -I/usr/include/stb
LIBS := -Wl,--as-needed -ldnnl -lcurl -lcjson -levent_core -levent_extra -levent_pthreads -lsqlite3 -ljpeg -lzip -lz \
        -lcrypto -lm

# A part is a folder that becomes one archive; what each may use is checked by tests/lint/layers.py.
base_DIRS := src/base
proto_DIRS := proto
nn_DIRS := nn nn/ops nn/onednn nn/models nn/data nn/formats
broker_DIRS := src/broker
node_DIRS := src/node
worker_DIRS := src/worker
client_DIRS := src/client
PARTS := broker node worker client nn proto base
define part_rules
$(1)_OBJS := $$(patsubst %.c,$$(BUILD)/%.o,$$(wildcard $$(addsuffix /*.c,$$($(1)_DIRS))))
$$(BUILD)/lib$(1).a: $$($(1)_OBJS)
	@rm -f $$@
	ar rcs $$@ $$^
OBJS += $$($(1)_OBJS)
endef
$(foreach part,$(PARTS),$(eval $(call part_rules,$(part))))
archives = $(foreach part,$(1),$(BUILD)/lib$(part).a)

# A unit test links its own part and what that part may use.
base_USES := base
proto_USES := proto base
nn_USES := nn base
broker_USES := broker proto base
node_USES := node proto base
worker_USES := worker nn proto base
client_USES := client proto base

.DEFAULT_GOAL := all
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/src/main.o $(call archives,$(PARTS))
	$(CC) $(CFLAGS) $(DCLS_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(DCLS_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define unit_rules
$(1)_TESTS := $$(patsubst tests/unit/%.c,$$(BUILD)/tests/unit/%,$$(wildcard tests/unit/$(1)/test_*.c))
UNIT_TESTS += $$($(1)_TESTS)
$$($(1)_TESTS): $$(BUILD)/tests/unit/%: $$(BUILD)/tests/unit/%.o $$(call archives,$$($(1)_USES))
	$$(CC) $$(CFLAGS) $$(DCLS_CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
unit-$(1): $$($(1)_TESTS)
	@status=0; for t in $$^; do echo "== $$$$t"; $$$$t || status=1; done; exit $$$$status
endef
$(foreach part,$(PARTS),$(eval $(call unit_rules,$(part))))
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all clean
clean:
	rm -rf $(BUILD) $(PROGRAM)
