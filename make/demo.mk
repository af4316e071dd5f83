# DEMO_SECONDS=20 ends it after so many seconds; without it, Ctrl-C does. DEMO_STORY=1 tells of a fault and its end instead.
# In a process group of its own (set -m): Ctrl-C ends the demo, and not make with an error.
.PHONY: demo
demo: build ## three nodes, an exporter on each, a Prometheus with the alert rules; DEMO_STORY=1: a fault and its end
	set -m; DEMO_STORY=$(DEMO_STORY) tests/lab/demo $(BIN) $(DEMO_SECONDS) || exit $$?

.PHONY: test-demo test-story
test-parts: test-demo # 80 s, after static
test-demo: build ## does what the demo prints work, and does it end well?
	LAB_NAME=demotest tests/lab/check-demo $(BIN)
test-parts: test-story # 80 s, after static
test-story: build ## the demo's story is seen to its end
	DEMO_STORY=1 LAB_NAME=storytest tests/lab/demo $(BIN)
