# What happens when BIRD, the kernel, the clients or the machine misbehave.
.PHONY: drills
drills: build ## fault drills on real BIRD, one row each (DRILLS=quick for fewer repetitions)
	tests/drills/run
# A long run: what a short one cannot see.
.PHONY: soak
SOAK_MINUTES ?= 30
soak: build ## memory, descriptors, counters and absences over a long run (SOAK_MINUTES, 30)
	tests/drills/run soak $(SOAK_MINUTES)
