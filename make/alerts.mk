.PHONY: test-alerts
test-parts: test-alerts # 260 s, computes
test-alerts: ## the alert rules under promtool, old and new, and the Alertmanager example
	tests/tools/need prometheus prometheus-alertmanager python3 python3-yaml ca-certificates
	newer=$$(tests/tools/prometheus-newer) && tests/alerts/run promtool "$$newer/promtool" && \
	for amtool in amtool "$$newer/amtool"; do "$$amtool" check-config alerts/alertmanager-example.yaml alerts/alertmanager-receivers-example.yaml; done
	PYTHONDONTWRITEBYTECODE=1 python3 tests/alerts/receivers.py prometheus-alertmanager
	PYTHONDONTWRITEBYTECODE=1 "$$(tests/tools/python-with gojsonnet==0.22.0 PyYAML==6.0.2)" tests/alerts/mixin.py
.PHONY: rules-mutations
rules-mutations: ## each rule broken in turn, which a test must notice: half an hour
	tests/tools/need prometheus prometheus-alertmanager python3 python3-yaml
	PYTHONDONTWRITEBYTECODE=1 python3 tests/alerts/mutate.py promtool tests/alerts/*.test.yaml
.PHONY: rules-cost
rules-cost: ## what the rules cost with 300 nodes isolated and with 500 nodes of which one is lost, on a real Prometheus
	tests/tools/need prometheus python3
	python3 tests/alerts/cost/measure.py
.PHONY: rules-groupings
rules-groupings: ## how often a node lost in a mesh of 50 notifies under other groupings, on a real Prometheus and Alertmanager
	tests/tools/need prometheus prometheus-alertmanager python3 python3-yaml
	PYTHONDONTWRITEBYTECODE=1 python3 tests/alerts/groupings.py prometheus prometheus-alertmanager
