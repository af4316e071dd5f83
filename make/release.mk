.PHONY: release release-twice test-release
release: chart-tools ## what a release consists of: target/release-VERSION (docs/releasing.md)
	packaging/release
# Half an hour on two cores: not a part of `make test`.
release-twice: chart-tools ## are two builds in two folders the same byte for byte?
	tests/release/twice
test-parts: test-release # 40 s
test-release: chart-tools ## versions, chart as released, bill of materials, Ansible role, workflows
	tests/tools/need skopeo git
	mkdir -p target/pytest
	$(call pytest,release)
