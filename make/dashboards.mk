# Dashboards are made from dashboards/src, and drawn by Grafana's own packages: docs/dashboards.md.
# GRAFANA=11 or 13 draws with that version instead (tests/dashboards/page/versions).
GRAFANA ?=
DASHBOARD_TOOLS := target/tools/dashboards$(GRAFANA)
DASHBOARD_PICTURES := target/dashboards$(GRAFANA)

.PHONY: dashboards dashboards-forms dashboards-live dashboards-large dashboards-json dashboards-pictures test-dashboards dashboards-page
dashboards: test-dashboards dashboards-page ## draw every dashboard in every story with Grafana's own code: target/dashboards/. GRAFANA=11 or 13: of that version
	node tests/dashboards/draw.mjs $(DASHBOARD_TOOLS) $(DASHBOARD_PICTURES)
dashboards-json: ## write dashboards/*.json from dashboards/src
	node dashboards/src/generate.mjs
dashboards-forms: ## write the dashboards for provisioning, the Grafana operator and grafana.com: target/dashboards-forms. CLUSTER_LABEL=cluster, RUNBOOKS=https://…
	node dashboards/src/generate.mjs --out target/dashboards-forms --cluster-label $(or $(CLUSTER_LABEL),cluster) $(if $(RUNBOOKS),--runbooks $(RUNBOOKS))
dashboards-pictures: dashboards ## draw them, and take the pictures that the documents show
	tests/tools/need pngquant
	tests/dashboards/pictures
dashboards-large: dashboards-page ## draw them for 500 nodes, and tell how long the slowest query takes
	node --max-old-space-size=8192 tests/dashboards/draw.mjs $(DASHBOARD_TOOLS) $(DASHBOARD_PICTURES) large
dashboards-live: build dashboards-page ## draw them from some minutes of the lab's real BIRDs, with faults: target/dashboards/live-*.png
	tests/dashboards/live $(BIN) $(DASHBOARD_TOOLS) $(DASHBOARD_PICTURES)

test-dashboards: ## the dashboards are what their sources make, keep the rules, and every query finds its series
	tests/tools/need nodejs prometheus
	node dashboards/src/generate.mjs --check
	node --test --test-reporter=./tests/dashboards/lint/reporter.mjs tests/dashboards/lint/lint.test.mjs
	node tests/dashboards/ask.mjs
test-parts: test-dashboards # 80 s, computes

# Grafana's packages and the page that draws with them, made anew when the sources change.
dashboards-page:
	tests/tools/need chromium fonts-inter nodejs prometheus
	tests/dashboards/page/build $(DASHBOARD_TOOLS) $(GRAFANA)
