# The image is FROM scratch: the binary must be static. On the gnu target +crt-static gives a static-pie.
IMAGE_ARCH ?= amd64
TRIPLE_amd64 := x86_64-unknown-linux-gnu
TRIPLE_arm64 := aarch64-unknown-linux-gnu
# A static binary relocates itself: packed, that table is a tenth as long (the C library must know it, as Debian 12's does).
STATIC_FLAGS := -C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs
STATIC := target/image/$(IMAGE_ARCH)/calico-bgp-exporter

# What `calico_bgp_exporter_build_info` says in its label `revision`.
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)

.PHONY: static image test-image
test-parts: image
static: ## the static binary for image and packages, and the licences of what is linked into it
	tests/tools/need python3
	CALICO_BGP_EXPORTER_REVISION=$(REVISION) RUSTFLAGS="$(STATIC_FLAGS)" cargo build --release --locked --target $(TRIPLE_$(IMAGE_ARCH))
	install -D target/$(TRIPLE_$(IMAGE_ARCH))/release/calico-bgp-exporter $(STATIC)
	packaging/notices $(TRIPLE_$(IMAGE_ARCH)) >$(dir $(STATIC))THIRD-PARTY-NOTICES
image: static chart-tools ## build the container image and run it as the chart does, against the lab's BIRD
	packaging/image $(IMAGE_ARCH)
	$(MAKE) test-image
test-image:
	tests/tools/need podman runc curl openssl binutils
	PYTHONDONTWRITEBYTECODE=1 $(CHART_PY) -m pytest -q --tb=short -p no:cacheprovider tests/image
