# DEMO_SECONDS=20 ends it after so many seconds; without it, Ctrl-C does. DEMO_STORY=1 tells of a fault and its end instead.
# In a process group of its own (set -m): Ctrl-C ends the demo, and not make with an error.
.PHONY: demo
demo: build ## three nodes, an exporter on each, a Prometheus with the alert rules; DEMO_STORY=1: a fault and its end
	set -m; DEMO_STORY=$(DEMO_STORY) tests/lab/demo $(BIN) $(DEMO_SECONDS) || exit $$?

.PHONY: test-demo
test-demo: build ## does what the demo prints work, does it end well, and its story?
	LAB_NAME=demotest tests/lab/check-demo $(BIN)
	DEMO_STORY=1 LAB_NAME=demotest tests/lab/demo $(BIN)
test-parts: test-demo
