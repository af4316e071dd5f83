# What happens when BIRD, the kernel, the clients or the machine misbehave.
.PHONY: drills
drills: build ## fault drills on real BIRD, one row each (DRILLS=quick for fewer repetitions)
	tests/drills/run
