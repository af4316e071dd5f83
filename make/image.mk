# The image is FROM scratch: the binary must be static. On the gnu target +crt-static gives a static-pie.
IMAGE_ARCH ?= amd64

.PHONY: static image test-image
STATIC := target/image/$(IMAGE_ARCH)/calico-bgp-exporter
static: $(STATIC) ## the static binary for image, packages and a node without either: target/image/amd64/calico-bgp-exporter
.PHONY: $(STATIC)
$(STATIC):
	packaging/static $(IMAGE_ARCH)
image: static ## the container image, as an OCI archive: target/image
	packaging/image $(IMAGE_ARCH)
test-parts: test-image # 20 s, after static
test-image: image chart-tools ## run the image as the chart does, against the lab's BIRD
	tests/tools/need podman runc curl openssl binutils
	mkdir -p target/pytest
	$(call pytest,image)
