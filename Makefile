# Keystone. `make` alone lists the targets; what each one needs from Debian is
# installed by itself (util/setup.sh says what). All results are in build/,
# the state of `make run` in run/.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BUILD := $(ROOT)/build
CORE := $(MAKE) -j$(shell nproc) -C $(ROOT)/libkeystone

NGINX ?= system
TESTS ?=

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / \
	    { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## start it all on 127.0.0.1: page, API, RTMP (HTTP_PORT= RTMP_PORT= LISTEN= DATABASE_URL= REDIS_ADDR= SRS_UPSTREAM= ...)
	@$(ROOT)/util/run.sh

.PHONY: test
test: ## all of it: unit under sanitizers, lint, t, e2e
	@$(ROOT)/util/test.sh

.PHONY: unit
unit: setup-unit ## the core's unit tests (TESTS=base/bytes)
	@$(CORE) unit TESTS='$(TESTS)'

.PHONY: t
t: setup-t ## the modules in a real nginx (TESTS="t/010-x.t", NGINX=system|trixie|sid|all)
	@$(ROOT)/util/t.sh $(NGINX) $(TESTS)

.PHONY: e2e
e2e: setup-e2e ## real clients: ffmpeg, a browser (TESTS=t/e2e/x.test.mjs)
	@$(ROOT)/util/module.sh system
	@$(CORE) -s tools
	@$(ROOT)/t/e2e/run $(TESTS)

.PHONY: lint
lint: setup-lint ## format, clang-tidy, rooms, co_await, symbols, shell
	@$(ROOT)/util/lint.sh

.PHONY: sanitize
sanitize: setup-unit setup-t ## unit and t under ASan and UBSan
	@$(CORE) unit BUILD=$(BUILD)/asan SANITIZE=address,undefined TESTS='$(TESTS)'
	@$(ROOT)/util/t.sh asan

.PHONY: valgrind
valgrind: setup-valgrind ## unit and t under valgrind memcheck (slow)
	@$(ROOT)/util/valgrind.sh $(TESTS)

.PHONY: fuzz
fuzz: setup-fuzz ## what strangers send, each target for SECONDS=60 (TARGETS=sdp)
	@$(MAKE) -j$(shell nproc) -C $(ROOT)/libkeystone/fuzz run

.PHONY: bench
bench: setup-bench module keystonectl ## against plain nginx, as ratios
	@$(ROOT)/util/bench.sh

.PHONY: module
module: setup-build ## the two nginx modules (NGINX=system|trixie|sid|all)
	@$(ROOT)/util/module.sh $(NGINX)

.PHONY: keystonectl
keystonectl: setup-build ## the command line tool, build/keystonectl
	@$(CORE) tools

.PHONY: format
format: setup-lint ## lay out the C++ core by .clang-format
	@$(ROOT)/util/format.sh

.PHONY: clean
clean: ## remove build/ except what was downloaded; run/ stays
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + \
	    2> /dev/null || true

setup-%:
	@$(ROOT)/util/setup.sh $*
