# Images, and the real Kubernetes (the box) on which they are tried.

images: ## OCI archives, digests and bills of materials under build/images
	.ci/setup build images
	images/build.sh

check-images: images ## run each image's program in its own root: read-only, unprivileged
	images/check.sh $(RESULTS)

box-up: ## a real Kubernetes with Argo and gVisor on this machine (built at first, 25 minutes)
	local/box/box up

box-down: ## end it; nothing but its cache stays
	local/box/box down

e2e: all $(FOLLOW_LOGS) ## the workflows on the box, brought up and taken down if it is not up
	.ci/setup test jobs monitoring
	$(MAKE) images
	tests/e2e/run.sh $(RESULTS)

chaos: all ## RUNS=30 of the pipeline on the box while its parts are broken at random (SEED=n)
	$(MAKE) images
	tests/e2e/chaos.sh $(RESULTS)

hostile: ## hostile Dockerfiles and programs in the cluster of kubectl's context (docs/jobs-builds.md)
	tests/jobs/hostile.py

.PHONY: hostile images check-images box-up box-down e2e chaos
