# Python leaves nothing beside the sources.
incidents exposition test-exposition: export PYTHONDONTWRITEBYTECODE := 1
.PHONY: incidents
incidents: build ## every incident staged, with a real Prometheus and Alertmanager: who is told, how soon, how often (INCIDENTS, INCIDENTS_GROUPING)
	tests/tools/need prometheus prometheus-alertmanager python3 iproute2 nftables iputils-ping
	BIN=$(abspath $(BIN)) python3 tests/incidents/suite.py $(INCIDENTS)
.PHONY: exposition
exposition: build ## record the names of all metrics from a lab, for the check of names in alerts, dashboards and documents
	tests/tools/need prometheus prometheus-alertmanager python3 iproute2 nftables iputils-ping
	BIN=$(abspath $(BIN)) python3 tests/incidents/suite.py --record tests/fixtures/exposition.prom
.PHONY: test-exposition
test-parts: test-exposition # 35 s, after static
test-exposition: build ## the recorded names of metrics are those that a lab shows now
	tests/tools/need prometheus prometheus-alertmanager python3 iproute2 nftables iputils-ping
	BIN=$(abspath $(BIN)) python3 tests/incidents/suite.py --record target/exposition.prom
	diff -u tests/fixtures/exposition.prom target/exposition.prom
