# Two commands do all the set-up: `make demo` runs elfuse, `make test` passes the tests.

DEMO = .cache/demo
RUN = ELFUSE_HOME=$(DEMO)/store .venv/bin/elfuse

.PHONY: demo test bench

demo:
	scripts/venv
	python3 examples/images/build.py busybox $(DEMO)/busybox
	python3 examples/images/build.py debian-mini $(DEMO)/debian-mini
	$(RUN) pull oci:$(DEMO)/busybox oci:$(DEMO)/debian-mini
	$(RUN) images
	$(RUN) run --rm localhost/busybox uname -a
	$(RUN) run --rm localhost/debian-mini bash -c 'for i in 1 2 3; do echo $$i | tr 1-3 a-c; done; (exit 7); echo $$?'
	$(RUN) run --rm localhost/debian-mini python3 -c 'import os, sys; print(os.listdir("/"), os.getpid(), sys.platform)'

test:
	scripts/apt-install
	scripts/venv --dev
	scripts/lint
	scripts/test

bench:
	.venv/bin/python benchmarks/run.py
