# Versions of the tools. They are run by version and so are no part of go.mod.
BUF         := go run github.com/bufbuild/buf/cmd/buf@v1.75.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
# .ci/release: github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.48.0
# .ci/release: github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
# .ci/api: golang.org/x/exp/cmd/apidiff@v0.0.0-20261113113407-e3970619a1a4

# The packages of all modules: ./... stops at a folder with a go.mod of its own.
ALL = $(shell go list -m -f '{{.Dir}}/...')

.PHONY: generate tidy lint test check release bench peers alerts demo

generate: ## the Go of the wire contracts, and the JSON Schema of claimsmith.yaml
	$(BUF) generate --template proto/buf.gen.yaml
	go run ./cmd/claimsmith schema > examples/claimsmith.schema.json.new
	mv examples/claimsmith.schema.json.new examples/claimsmith.schema.json

tidy: ## go.mod and go.sum of every module
	.ci/tidy

lint: ## what is wrong without running anything
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files"; exit 1; }
	go vet $(ALL)
	$(STATICCHECK) $(ALL)
	$(BUF) lint

test:
	go test ./...

check: ## all that has to hold, as the build server runs it: about 20 minutes
	.ci/run

release: ## what is published of a version, in dist; RELEASE=short for this machine only
	.ci/release

bench: ## beside the floors they are measured against
	.ci/bench

peers: ## a decision beside cel-go, a token hook as Hydra asks one, and OPA
	@bin=$$(mktemp -d) && GOBIN=$$bin go install github.com/open-policy-agent/opa@v1.22.4 && \
	CLAIMSMITH_OPA=$$bin/opa go test -run '^$$' -bench BenchmarkPeers ./cmd/claimsmith-port; status=$$?; rm -rf $$bin; exit $$status

alerts: ## the alerts for Prometheus, against a good day and a bad hour; it takes 10 minutes to build promtool
	go run github.com/prometheus/prometheus/cmd/promtool@v0.316.0 check rules examples/monitoring/alerts.yaml
	go run github.com/prometheus/prometheus/cmd/promtool@v0.316.0 test rules examples/monitoring/alerts_test.yaml

demo:
	go run ./cmd/claimsmith demo
