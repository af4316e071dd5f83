CHART_PY := target/tools/chart/venv/bin/python

.PHONY: chart test-chart chart-tools chart-readme chart-files
chart: chart-tools ## package the Helm chart into target/chart
	target/tools/chart/helm4/helm/helm package charts/calico-bgp-exporter --destination target/chart
test-chart: chart-tools ## Helm 3 and 4, schemas of Kubernetes and the operator, rules, switches, kustomize
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) -m pytest -q --tb=short -p no:cacheprovider tests/chart
chart-tools:
	tests/chart/tools
chart-files: ## copy alerts/ and dashboards/ into the chart
	rm -rf charts/calico-bgp-exporter/files
	install -d charts/calico-bgp-exporter/files/alerts charts/calico-bgp-exporter/files/dashboards
	install -m 0644 alerts/*.yaml charts/calico-bgp-exporter/files/alerts
	install -m 0644 dashboards/*.json charts/calico-bgp-exporter/files/dashboards
chart-readme: chart-tools ## write the chart README's tables from values.yaml
	$(CHART_PY) tests/chart/readme.py --write
test-parts: test-chart
.PHONY: kustomize
kustomize: chart-tools ## write the kustomize base from the chart's defaults
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) tests/chart/kustomize.py --write
