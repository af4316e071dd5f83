# Calico's documented designs, replayed from captures, and situations that users reported: what the exporter says of each.
.PHONY: test-designs test-cases
test-designs: build ## every documented design of Calico is judged as its truth says, with and without --ip-pool
	tests/tools/need python3 iproute2
	PYTHONDONTWRITEBYTECODE=1 tests/designs/replay tests/designs $(BIN)
test-cases: build ## situations that users reported are judged right
	tests/tools/need python3 iproute2
	tests/cases/run $(BIN)
test-parts: test-designs # 35 s, after static
test-parts: test-cases # 40 s, after static
