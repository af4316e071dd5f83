.PHONY: packages
test-parts: packages
packages: static chart-tools ## build the deb and the rpm, and check them and the systemd unit
	packaging/packages $(IMAGE_ARCH)
	tests/tools/need rpm systemd iproute2 curl
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) -m pytest -q --tb=short -p no:cacheprovider tests/packages
