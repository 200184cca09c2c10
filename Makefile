# Everything a contributor runs; `make` alone lists it. CI runs the same targets.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
# Packages that are tested at once: some wait more than they compute.
PACKAGES  ?= $(shell n=$$(nproc 2>/dev/null || echo 4); echo $$((n < 3 ? 3 : n)))
FUZZTIME  ?= 15s
CHAOSTIME ?= 10m
SEED      ?= 0
BENCH     ?= .
BENCHTIME ?= 1s
PEERS     ?=
FLAGS     ?=
AGAINST   ?= HEAD
INPUT     ?= $(shell $(GO) env GOROOT)/src/**/*.go

STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck

# The schema's tools, in the versions of tools/go.mod; buf finds the generators
# on the path.
SCHEMA_TOOLS = github.com/bufbuild/buf/cmd/buf google.golang.org/protobuf/cmd/protoc-gen-go connectrpc.com/connect/cmd/protoc-gen-connect-go
BUF = cd api && PATH="$(CURDIR)/build/tools:$$PATH" buf

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## count the words of Go's own source tree into a fresh directory under build/
	@mkdir -p build
	@out=$$(mktemp -d build/wordcount.XXXXXX); \
	$(GO) run ./examples/wordcount --input "$(INPUT)" --output "$$out" --sheaf.overwrite; \
	echo "the counts are in $$out"

.PHONY: build
build: ## compile everything; programs go to build/, static ones that run on any machine of the platform
	$(GO) build ./...
	@mkdir -p build
	CGO_ENABLED=0 $(GO) build -trimpath -o build/ $(addsuffix /...,$(addprefix ./,$(wildcard examples cmd)))

.PHONY: test
test: ## run all tests
	$(GO) test -p $(PACKAGES) -timeout 20m ./...
	$(GO) test -tags failpoint ./internal/failpoint

.PHONY: failpoints
failpoints: ## end, stop or fail a process of a cluster at every point there is, at several hits of each: some minutes
	$(GO) test ./cmd/sheaf -run '^TestFailpoints$$' -count 1 -v -parallel 6 -timeout 30m -failpoints.all

.PHONY: race
race: ## run all tests under the race detector, in their short forms
	$(GO) test -p $(PACKAGES) -race -short -timeout 20m ./...

.PHONY: budget
budget: ## hold jobs over 100 times their budget of 64 MiB to it: half an hour; prints a table
	$(GO) test ./sdk -run '^TestBudget$$' -count 1 -v -timeout 3h -budget.times 100

.PHONY: many
many: ## let 50 executors run 2,000 tasks, and 2 of them 20,000; prints times and the coordinator's memory
	$(GO) test ./cmd/sheaf -run '^TestManyExecutors$$' -count 1 -v -many.executors 50 -many.tasks 2000
	$(GO) test ./cmd/sheaf -run '^TestManyExecutors$$' -count 1 -v -many.executors 2 -many.tasks 20000
	$(GO) test ./cmd/sheaf -run '^TestManyExecutors$$' -count 1 -v -many.executors 2 -many.slots 2 -many.tasks 20000

.PHONY: chaos
chaos: ## break clusters of three forms for CHAOSTIME=10m; prints the seed, with which SEED= does so again, and what there was
	@mkdir -p build
	$(GO) test ./cmd/sheaf -run '^TestChaos$$' -count 1 -v -timeout 3h -artifacts -outputdir "$(CURDIR)/build" -chaos.time $(CHAOSTIME) -chaos.seed $(SEED)

.PHONY: check
check: check-schema ## formatting, vet, staticcheck, the house rules, tidy modules, the schema and its code
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted (run make format):"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags failpoint ./internal/failpoint ./coordinator/journal
	$(STATICCHECK) ./...
	$(GO) test -run '^TestHouse' .
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff

.PHONY: schema-tools
schema-tools:
	$(GO) -C tools build -o ../build/tools/ $(SCHEMA_TOOLS)

.PHONY: check-schema
check-schema: schema-tools
	$(BUF) lint
	$(BUF) format --diff --exit-code
	@made=$$(mktemp -d); trap 'rm -rf "$$made"' EXIT; \
	($(BUF) generate -o "$$made"); \
	diff -r -x '*.proto' -x 'buf*.yaml' -x doc.go "$$made" api || \
		{ echo "the code beside the .proto files is not theirs: run make generate"; exit 1; }

.PHONY: generate
generate: schema-tools ## make the Go code beside the .proto files again
	$(BUF) generate

.PHONY: breaking
breaking: schema-tools ## compare the .proto files with those of AGAINST=HEAD: what older programs wrote must stay readable
	@old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; \
	git archive "$(AGAINST)" api | tar -x -C "$$old"; \
	$(BUF) breaking --against "$$old/api"

.PHONY: docs
docs: ## write man pages of all commands to build/man, and docs/commands.md anew
	$(GO) test ./cmd/sheaf -run '^(TestManPages|TestCommandsPage|TestHelp)$$' -count 1 -man "$(CURDIR)/build/man" -rewrite
	@echo "man pages are in build/man: man build/man/sheaf.1"

.PHONY: format
format: schema-tools ## format all Go and .proto files
	gofmt -w .
	$(BUF) format --write

.PHONY: bench
bench: ## measure whole jobs against references; FLAGS=-quick for two minutes, PEERS=1 for other systems too
	$(GO) run ./bench $(if $(PEERS),-peers) $(FLAGS)

.PHONY: bench-kernels
bench-kernels: ## measure the kernels; BENCH=regexp BENCHTIME=1s choose which and how long
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME=15s
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | \
	while IFS=: read -r file target; do \
		name=$${target#func }; dir=$$(dirname "$$file"); \
		echo "$$dir $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir"; \
	done

.PHONY: clean
clean: ## remove build/
	rm -rf build
