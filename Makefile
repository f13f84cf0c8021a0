# The two commands of the README, and what they consist of.

.PHONY: demo test lint images clean

demo: ## Install into .venv, build example images, pull them, run programs of them.
	scripts/venv
	scripts/demo

test: ## Install what tests need, then lint and test everything.
	scripts/need @scripts/apt-packages.txt
	scripts/venv dev
	$(MAKE) images
	@# Tests run also where lint complains, and pytest has the last word on the screen.
	scripts/lint && lint=0 || lint=1; scripts/test && exit $$lint

lint:
	scripts/venv dev
	scripts/lint

images: ## All example images, as layouts and as plain directories, below .cache.
	scripts/venv
	for image in busybox debian-mini toolbox; do \
		.venv/bin/python examples/images/build.py $$image .cache/images/$$image \
			--rootfs .cache/rootfs/$$image || exit; \
	done

clean:
	rm -rf .venv .cache build dist
