CHART_PY := target/tools/chart/venv/bin/python
HELM := target/tools/chart/helm4/helm/helm
# Nothing is left in /tmp. Argument: the area.
pytest = PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) -m pytest -q --tb=short -p no:cacheprovider --basetemp=target/pytest/$(1) tests/$(1)

.PHONY: chart test-chart chart-tools chart-readme chart-files kustomize
chart: chart-tools ## package the Helm chart, with the version of what is built here: target/chart
	packaging/chart
test-chart: chart-tools ## Helm 3 and 4, schemas of Kubernetes and the operator, rules, switches, kustomize
	mkdir -p target/pytest
	$(call pytest,chart)
test-parts: test-chart # 130 s, after test-build, computes
chart-tools:
	tests/chart/tools
chart-readme: chart-tools ## write the chart README's tables from values.yaml
	$(CHART_PY) tests/chart/readme.py --write
chart-files: ## copy alerts/ and dashboards/ into the chart
	rm -rf charts/calico-bgp-exporter/files
	install -d charts/calico-bgp-exporter/files/alerts charts/calico-bgp-exporter/files/dashboards
	install -m 0644 alerts/*.yaml charts/calico-bgp-exporter/files/alerts
	install -m 0644 dashboards/*.json charts/calico-bgp-exporter/files/dashboards
kustomize: chart-tools ## write the kustomize base from the chart's defaults
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) tests/chart/kustomize.py --write
