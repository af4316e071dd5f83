# The lab: tests/lab/README.md. LAB_NAME and LAB_OPTIONS go to it.
.PHONY: lab lab-down test-lab
lab: ## start a lab of real BIRDs: make lab LAB_OPTIONS="--nodes 4 --behind-router 1"
	tests/lab/lab up --wait 60 $(LAB_OPTIONS)
	tests/lab/lab status
lab-down: ## remove it
	tests/lab/lab down
test-lab: ## does the lab stage every incident that it knows?
	tests/lab/check
test-parts: test-lab # 120 s
