# DEMO_SECONDS=20 ends it after so many seconds; without it, Ctrl-C does.
.PHONY: demo
demo: build ## three nodes, an exporter on each, a Prometheus that scrapes them
	tests/lab/demo $(BIN) $(DEMO_SECONDS)

.PHONY: test-demo
test-demo: build ## does the demo end well?
	LAB_NAME=demotest tests/lab/demo $(BIN) 1
test-parts: test-demo
