.PHONY: packages test-packages
packages: static chart-tools ## the deb and the rpm: target/packages
	packaging/packages $(IMAGE_ARCH)
test-parts: test-packages # 90 s, after static, after test-build
test-packages: packages ## what is in the packages, their life cycle, lintian, rpmlint, and the unit under a real systemd
	tests/tools/need rpm rpmlint lintian systemd iproute2 curl
	mkdir -p target/pytest
	$(call pytest,packages)
