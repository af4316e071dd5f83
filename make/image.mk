# The image is FROM scratch: the binary must be static. On the gnu target +crt-static gives a static-pie.
IMAGE_ARCH ?= amd64
TRIPLE_amd64 := x86_64-unknown-linux-gnu
TRIPLE_arm64 := aarch64-unknown-linux-gnu
STATIC := target/image/$(IMAGE_ARCH)/calico-bgp-exporter

.PHONY: static image test-image
test-parts: image
static: ## the static binary for image and packages
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target $(TRIPLE_$(IMAGE_ARCH))
	install -D target/$(TRIPLE_$(IMAGE_ARCH))/release/calico-bgp-exporter $(STATIC)
image: static chart-tools ## build the container image and run it as the chart does, against the lab's BIRD
	packaging/image $(IMAGE_ARCH)
	$(MAKE) test-image
test-image:
	tests/tools/need podman runc curl openssl binutils
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) -m pytest -q --tb=short -p no:cacheprovider tests/image
