"""Pulls from real registries, and everything that can go wrong with one."""

import dataclasses
import email.utils
import re
import resource
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from elfuse.errors import ElfuseError, ImageError
from elfuse.images.decompress import Limits
from elfuse.images.errors import (
    DigestMismatch,
    ImageNotStored,
    LayerRefused,
    PlatformUnavailable,
    RegistryError,
)
from elfuse.images.manifest import Image, Platform
from elfuse.images.pull import PullPolicy
from elfuse.images.pull import pull as pull_with
from elfuse.images.store import Store
from tests.images.builders import (
    AMD64,
    ARM64,
    BuiltImage,
    archive,
    image,
    index,
    layer,
    member,
    random_image,
)
from tests.images.conftest import QUICK
from tests.images.sinks import Layers
from tests.registry import AnyRegistry, Fault, Registry


def pull(reference: str, store: Store, layers: Layers, *, policy: PullPolicy = "always") -> Image:
    return pull_with(reference, store, sinks=layers, policy=policy, options=QUICK, environ={})


def assert_pulled(built: BuiltImage, pulled: Image, store: Store, layers: Layers) -> None:
    """The image is complete: blobs, unpacked layers, its name."""
    assert [x.diff_id for x in pulled.layers] == [x.diff_id for x in built.layers]
    assert layers.committed() == {x.diff_id for x in built.layers}
    assert store.verify() == ()
    assert store.image(pulled.reference) == pulled
    assert not list(store.temporary.iterdir())
    for each in built.layers:
        assert store.path(each.digest).read_bytes() == each.blob


def assert_nothing(store: Store, layers: Layers) -> None:
    """No image, nothing half-written, and what is there is whole."""
    assert store.entries() == ()
    assert store.verify() == ()
    assert not list(store.temporary.iterdir())
    assert all(sink.committed or sink.aborted for sink in layers.sinks.values())


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_image_is_pulled(
    any_registry: AnyRegistry, store: Store, layers: Layers, docker: bool
) -> None:
    built = random_image(6, docker=docker, seed=docker)
    reference = any_registry.push(built, name=f"group/{'docker' if docker else 'oci'}")
    pulled = pull(reference, store, layers)
    assert_pulled(built, pulled, store, layers)
    assert pulled.reference == reference
    assert pulled.digest == built.digest
    assert pull(reference, store, layers, policy="never") == pulled


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_platform_is_chosen_from_an_index(
    any_registry: AnyRegistry, store: Store, layers: Layers, docker: bool
) -> None:
    wanted = random_image(2, seed=10 + docker, docker=docker)
    other = random_image(2, seed=20, platform=AMD64, docker=docker)
    built = index({AMD64: other, ARM64: wanted}, docker=docker)
    reference = any_registry.push(built, name=f"index{docker:d}")
    pulled = pull(reference, store, layers)
    assert_pulled(wanted, pulled, store, layers)
    assert pulled.digest == built.digest
    pinned = f"{reference.rpartition(':')[0]}@{built.digest}"
    assert pull(pinned, store, layers).layers == pulled.layers
    with pytest.raises(PlatformUnavailable, match="linux/s390x") as caught:
        pull_with(reference, store, sinks=layers, platform=Platform("linux", "s390x"))
    assert "linux/amd64, linux/arm64" in caught.value.hint


def test_missing_names_are_reported(
    any_registry: AnyRegistry, store: Store, layers: Layers
) -> None:
    with pytest.raises(RegistryError, match="the registry has no such image") as caught:
        pull(f"{any_registry.host}/absent:1", store, layers)
    assert (caught.value.status, caught.value.exit_status) == (404, 125)
    assert_nothing(store, layers)


def test_second_pull_fetches_nothing(registry: Registry, store: Store, layers: Layers) -> None:
    built = index({ARM64: random_image(3)})
    reference = registry.push(built)
    first = pull(reference, store, layers)
    registry.requests.clear()
    assert pull(reference, store, layers) == first
    assert [method for method, _, _ in registry.requests] == ["HEAD"]
    registry.requests.clear()
    pinned = f"{reference.rpartition(':')[0]}@{built.digest}"
    pull(pinned, store, layers)
    assert registry.fetched("blobs") == []
    registry.requests.clear()
    assert pull(pinned, store, layers).layers == first.layers
    assert pull(reference, store, layers, policy="missing") == first
    assert registry.requests == []


def test_registry_without_head_is_asked_for_the_manifest(
    registry: Registry, store: Store, layers: Layers
) -> None:
    registry.heads = False
    reference = registry.push(random_image(2))
    first = pull(reference, store, layers)
    registry.requests.clear()
    assert pull(reference, store, layers) == first
    assert registry.fetched("blobs") == []


def test_moved_tag_fetches_only_what_is_new(
    registry: Registry, store: Store, layers: Layers
) -> None:
    base = random_image(2)
    pull(registry.push(base), store, layers)
    new = layer(archive([member("new", b"x")]))
    built = image([*base.layers, new])
    registry.requests.clear()
    pulled = pull(registry.push(built), store, layers)
    assert [x.diff_id for x in pulled.layers] == [x.diff_id for x in built.layers]
    blobs = {path.rpartition("/")[2] for path in registry.fetched("blobs")}
    assert blobs == {new.digest, *(set(built.blobs) - {x.digest for x in built.layers})}
    assert len(store.entries()) == 1
    assert store.gc().digests
    assert_pulled(built, pulled, store, layers)


def test_layers_that_repeat_are_fetched_and_unpacked_once(
    registry: Registry, store: Store, layers: Layers
) -> None:
    tar = archive([member("same", b"x" * 1000)])
    one, two = layer(tar, "gzip"), layer(tar, "zstd")
    built = image([one, two, one])
    pulled = pull(registry.push(built), store, layers)
    assert_pulled(built, pulled, store, layers)
    assert len(pulled.layers) == 3
    assert len(registry.fetched("blobs")) == 3


def test_layer_that_lost_its_unpacked_form_comes_from_the_store(
    registry: Registry, store: Store, layers: Layers
) -> None:
    built = random_image(3)
    reference = registry.push(built)
    pull(reference, store, layers)
    registry.requests.clear()
    again = Layers()
    assert_pulled(built, pull(reference, store, again), store, again)
    assert registry.fetched("blobs") == []
    store.path(built.layers[0].digest).write_bytes(bytes(len(built.layers[0].blob)))
    third = Layers()
    assert_pulled(built, pull(reference, store, third), store, third)
    assert [p.rpartition("/")[2] for p in registry.fetched("blobs")] == [built.layers[0].digest]


def test_lost_blobs_are_fetched_again(registry: Registry, store: Store, layers: Layers) -> None:
    built = random_image(2)
    reference = registry.push(built)
    pulled = pull(reference, store, layers)
    for digest, _ in list(store.blobs()):
        store.path(digest).unlink()
        assert_pulled(built, pull(reference, store, layers), store, layers)
    assert store.image(reference) == pulled


@pytest.mark.parametrize("compressions", [("gzip",), ("zstd",), ("none",)])
@pytest.mark.parametrize("which", [0, 1])
def test_corrupt_layer_is_refused_and_leaves_nothing(
    registry: Registry, store: Store, layers: Layers, which: int, compressions: tuple[str]
) -> None:
    built = random_image(2, compressions=compressions)  # type: ignore[arg-type] # as listed
    reference = registry.push(built)
    registry.corrupt(built.layers[which].digest)
    with pytest.raises(DigestMismatch, match=built.layers[which].digest) as caught:
        pull(reference, store, layers)
    assert caught.value.exit_status == 125
    assert_nothing(store, layers)
    assert not store.path(built.layers[which].digest).exists()
    registry.faults.clear()
    assert_pulled(built, pull(reference, store, layers), store, layers)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: raw[:-1], "bytes"),
        (lambda raw: raw + b"!", "more than the promised"),
        (lambda raw: raw * 1000, "more than the promised"),
        (lambda raw: b"", "0 of the promised"),
    ],
    ids=["short", "longer", "endless", "empty"],
)
def test_blob_of_the_wrong_size_is_refused(
    registry: Registry, store: Store, layers: Layers, change: object, why: str
) -> None:
    built = random_image(2)
    reference = registry.push(built)
    config = next(iter(set(built.blobs) - {x.digest for x in built.layers}))
    for digest in (config, built.layers[0].digest):
        registry.faults.clear()
        registry.fail(digest, Fault(change=change))  # type: ignore[arg-type] # as listed
        with pytest.raises(DigestMismatch, match=why):
            pull(reference, store, layers)
        assert_nothing(store, layers)


def test_size_in_the_manifest_is_believed_over_the_registry(
    registry: Registry, store: Store, layers: Layers
) -> None:
    one = layer(archive([member("a", b"x")]))
    for size in (0, len(one.blob) - 1, len(one.blob) + 1, 1 << 60):
        reference = registry.push(image([one], sizes={one.digest: size}))
        with pytest.raises(DigestMismatch, match=r"of the promised|more than the promised"):
            pull(reference, store, layers)
        assert_nothing(store, layers)


def test_manifest_that_is_not_what_its_digest_says_is_refused(
    registry: Registry, store: Store, layers: Layers
) -> None:
    wanted, other = random_image(2), random_image(2, seed=5)
    built = index({ARM64: wanted})
    reference = registry.push(built)
    registry.manifests["test", wanted.digest] = (other.manifest, other.media_type)
    with pytest.raises(DigestMismatch, match=wanted.digest):
        pull(reference, store, layers)
    registry.manifests["test", built.digest] = (other.manifest, other.media_type)
    with pytest.raises(DigestMismatch, match=built.digest):
        pull(f"{reference.rpartition(':')[0]}@{built.digest}", store, layers)
    registry.push(wanted)
    registry.corrupt("latest")
    with pytest.raises(DigestMismatch, match="the manifest the registry sent has other bytes"):
        pull(reference, store, layers)
    assert_nothing(store, layers)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"", "not JSON"), (b"{}", "neither"), (b" " * (5 << 20), "larger than")],
    ids=["empty", "no-manifest", "huge"],
)
def test_manifest_that_makes_no_sense_is_refused(
    registry: Registry, store: Store, layers: Layers, body: bytes, why: str
) -> None:
    registry.manifests["test", "latest"] = (body, "application/json")
    with pytest.raises(ImageError, match=why):
        pull(f"{registry.host}/test", store, layers)
    assert_nothing(store, layers)


def test_wrong_diff_id_is_refused(registry: Registry, store: Store, layers: Layers) -> None:
    one, two = layer(archive([member("a")])), layer(archive([member("b")]))
    reference = registry.push(image([one], diff_ids=[two.diff_id]))
    with pytest.raises(DigestMismatch, match=f"{two.diff_id}: the layer unpacks to other bytes"):
        pull(reference, store, layers)
    assert_nothing(store, layers)
    assert layers.committed() == set()


def test_hostile_layers_are_refused(registry: Registry, store: Store, layers: Layers) -> None:
    escape = archive([member("../../etc/passwd", b"root::0:0")])
    bomb = archive([member("zeros", bytes(3_000_000))])
    for tar, why in ((escape, "leaves the image's root"), (bomb, "more than 10 times")):
        reference = registry.push(image([layer(tar)]))
        limits = Limits(max_ratio=10, ratio_floor=1 << 20)
        with pytest.raises(LayerRefused, match=why) as caught:
            pull_with(reference, store, sinks=layers, options=QUICK, limits=limits, environ={})
        assert caught.value.exit_status == 125
        assert_nothing(store, layers)


def test_image_for_another_platform_is_refused(
    registry: Registry, store: Store, layers: Layers
) -> None:
    reference = registry.push(random_image(1, platform=AMD64))
    with pytest.raises(PlatformUnavailable, match="not available for linux/arm64") as caught:
        pull(reference, store, layers)
    assert caught.value.hint == "it is available for linux/amd64"
    assert_nothing(store, layers)


@pytest.mark.parametrize(
    ("status", "why", "tries"),
    [
        (401, "asks for a login", 1),
        (403, "denies access", 1),
        (404, "no such image", 1),
        (418, "HTTP status 418", 1),
        (429, "limits the rate", 3),
        (500, "HTTP status 500", 3),
        (503, "HTTP status 503", 3),
    ],
)
@pytest.mark.parametrize("what", ["manifest", "layer"])
def test_refusals_are_explained(
    registry: Registry, store: Store, layers: Layers, what: str, status: int, why: str, tries: int
) -> None:
    built = random_image(1)
    reference = registry.push(built)
    body = b'{"errors": [{"code": "SOME_CODE", "message": "some\\u001b[31m words"}]}'
    which = "latest" if what == "manifest" else built.layers[0].digest
    registry.fail(which, Fault(status=status, body=body))
    with pytest.raises(RegistryError, match=rf"{why}.*some \[31m words") as caught:
        pull(reference, store, layers)
    assert (caught.value.status, caught.value.code) == (status, "SOME_CODE")
    assert caught.value.hint or status == 418
    assert_nothing(store, layers)
    asked = [p for method, p, _ in registry.requests if p.endswith(which) and method == "GET"]
    assert len(asked) == tries


@pytest.mark.parametrize("status", [429, 500, 503])
def test_temporary_failures_are_outlived(
    registry: Registry, store: Store, layers: Layers, status: int
) -> None:
    built = random_image(2)
    reference = registry.push(built)
    for which in ("latest", built.layers[0].digest):
        registry.fail(which, Fault(status=status, times=2, headers={"Retry-After": "0"}))
    assert_pulled(built, pull(reference, store, layers), store, layers)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_registry_that_asks_for_patience_is_quoted(
    registry: Registry, store: Store, layers: Layers, form: str
) -> None:
    reference = registry.push(random_image(1))
    wait = "3600" if form == "seconds" else email.utils.formatdate(time.time() + 3600, usegmt=True)
    registry.fail("latest", Fault(status=429, headers={"Retry-After": wait}))
    with pytest.raises(RegistryError) as caught:
        pull(reference, store, layers)
    assert caught.value.retry_after == pytest.approx(3600, abs=30)
    assert "try again in 3" in caught.value.hint
    assert len([p for p in registry.fetched() if "manifests" in p]) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_cut_connection_is_resumed(
    registry: Registry, store: Store, layers: Layers, ranges: bool
) -> None:
    built = random_image(1, files=3, size=90_000)
    reference = registry.push(built)
    registry.ranges = ranges
    registry.fail(built.layers[0].digest, Fault(cut_after=70_000, times=1))
    assert_pulled(built, pull(reference, store, layers), store, layers)
    asked = [h for _, p, h in registry.requests if p.endswith(built.layers[0].digest)]
    assert [h.get("Range", "")[:6] for h in asked] == ["", "bytes="]


def test_connection_that_is_always_cut_is_given_up(
    registry: Registry, store: Store, layers: Layers
) -> None:
    built = random_image(1, size=90_000)
    reference = registry.push(built)
    registry.ranges = False
    registry.fail(built.layers[0].digest, Fault(cut_after=50_000))
    with pytest.raises(RegistryError, match=r"broke off after .* 3 times"):
        pull(reference, store, layers)
    assert_nothing(store, layers)


def test_registry_that_stalls_is_given_up(registry: Registry, store: Store, layers: Layers) -> None:
    built = random_image(3, size=90_000)
    reference = registry.push(built)
    registry.fail(built.layers[1].digest, Fault(stall_after=20_000))
    options = dataclasses.replace(QUICK, timeout=0.2, attempts=2)
    with pytest.raises(RegistryError, match="broke off"):
        pull_with(reference, store, sinks=layers, options=options, environ={})
    assert_nothing(store, layers)


@pytest.mark.parametrize("stall", [-1, 0, 20_000])
def test_one_bad_layer_stops_the_others(
    registry: Registry, store: Store, layers: Layers, stall: int
) -> None:
    built = random_image(3, size=90_000)
    reference = registry.push(built)
    registry.fail(built.layers[0].digest, Fault(stall_after=stall))
    registry.fail(built.layers[1].digest, Fault(status=404))
    patient = dataclasses.replace(QUICK, timeout=60)
    before = time.monotonic()
    with pytest.raises(RegistryError) as caught:
        pull_with(reference, store, sinks=layers, options=patient, environ={})
    assert caught.value.status == 404
    assert time.monotonic() - before < 15
    assert_nothing(store, layers)


def test_redirects_do_not_carry_credentials_to_other_hosts(
    registry: Registry, store: Store, layers: Layers
) -> None:
    registry.scheme = "bearer"
    built = random_image(3)
    reference = registry.push(built)
    with Registry() as elsewhere:
        elsewhere.blobs |= built.blobs
        registry.redirect_to = f"http://{elsewhere.host}"
        assert_pulled(built, pull(reference, store, layers), store, layers)
        assert len(elsewhere.fetched("blobs")) == 4
        assert all("Authorization" not in headers for _, _, headers in elsewhere.requests)
    assert any("Authorization" in headers for _, _, headers in registry.requests)


def test_certificates_are_checked_against_the_ca_bundle(
    registry: Registry, store: Store, layers: Layers, tmp_path: Path
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("not installed: openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    built = random_image(2)
    reference = registry.push(built)
    with Registry(tls=context) as secure:
        secure.blobs |= built.blobs
        registry.redirect_to = f"https://{secure.host}"
        with pytest.raises(RegistryError, match="no answer from") as caught:
            pull(reference, store, layers)
        assert caught.value.hint == "the registry's certificate is not trusted"
        assert_nothing(store, layers)
        trusting = dataclasses.replace(QUICK, ca_bundle=certificate)
        pulled = pull_with(reference, store, sinks=layers, options=trusting, environ={})
        assert_pulled(built, pulled, store, layers)
        away = {"Location": f"http://{registry.host}/"}
        secure.fail(built.layers[0].digest, Fault(status=307, headers=away))
        with pytest.raises(RegistryError, match="redirects to plain HTTP"):
            pull_with(reference, Store(tmp_path / "x"), sinks=layers, options=trusting, environ={})


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://[bad", "http://"])
def test_redirects_to_nowhere_are_refused(
    registry: Registry, store: Store, layers: Layers, target: str
) -> None:
    reference = registry.push(random_image(1))
    registry.fail("latest", Fault(status=302, headers={"Location": target}))
    with pytest.raises(RegistryError):
        pull(reference, store, layers)


def test_redirect_loops_end(registry: Registry, store: Store, layers: Layers) -> None:
    reference = registry.push(random_image(1))
    registry.fail("latest", Fault(status=302, headers={"Location": "latest"}))
    with pytest.raises(RegistryError, match="more than 10 redirects"):
        pull(reference, store, layers)


def test_no_registry_is_an_error_and_newer_falls_back(store: Store, layers: Layers) -> None:
    with Registry() as registry:
        built = random_image(1)
        reference = registry.push(built)
        pulled = pull(reference, store, layers, policy="newer")
    assert pull(reference, store, layers, policy="newer") == pulled
    with pytest.raises(RegistryError, match=r"no answer from 127\.0\.0\.1") as caught:
        pull(reference, store, layers)
    assert isinstance(caught.value, ElfuseError)
    assert caught.value.status == 0


@pytest.mark.parametrize("host", ["localhost:1", "127.1.2.3:1", "[::1]:1"])
def test_loopback_is_reached_without_proxy_and_tls(
    host: str, store: Store, layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    with pytest.raises(RegistryError, match=f"no answer from {re.escape(host)}: .*refused"):
        pull(f"{host}/x", store, layers)


def test_disk_that_is_full_is_reported(registry: Registry, store: Store, layers: Layers) -> None:
    built = random_image(2, size=90_000)
    reference = registry.push(built)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(ImageError, match=r"store .* cannot be used: File too large"):
            pull(reference, store, layers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_nothing(store, layers)
    assert_pulled(built, pull(reference, store, layers), store, layers)


def test_policy_never_asks_nobody(registry: Registry, store: Store, layers: Layers) -> None:
    reference = registry.push(random_image(1))
    with pytest.raises(ImageNotStored, match="in the store for linux/arm64"):
        pull(reference, store, layers, policy="never")
    assert registry.requests == []


def test_proxy_settings_do_not_apply_to_loopback(
    registry: Registry, store: Store, layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert pull(registry.push(random_image(1)), store, layers).layers


def test_ca_bundle_that_is_none_is_reported(store: Store, layers: Layers, tmp_path: Path) -> None:
    options = dataclasses.replace(QUICK, ca_bundle=tmp_path / "absent.pem")
    with pytest.raises(ImageError, match=r"no CA bundle: .*absent.pem"):
        pull_with("host.example/x", store, sinks=layers, options=options, environ={})


def test_layout_directory_is_a_source(store: Store, layers: Layers, tmp_path: Path) -> None:
    built = random_image(3)
    directory = built.write_layout(tmp_path / "layout", "1.0")
    pulled = pull(f"oci:{directory}:1.0", store, layers)
    assert pulled.reference == "localhost/layout:1.0"
    assert_pulled(built, pulled, store, layers)
    assert pull(f"oci:{directory}:1.0", store, layers) == pulled
    with pytest.raises(ImageNotStored, match=r"holds no image 2\.0") as caught:
        pull(f"oci:{directory}:2.0", store, layers)
    assert caught.value.hint == "it holds 1.0"


def test_damaged_layout_is_refused(store: Store, layers: Layers, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is no OCI image layout"):
        pull(f"oci:{tmp_path}/absent", store, layers)
    built = random_image(2)
    directory = built.write_layout(tmp_path / "layout")
    blob = directory / "blobs" / "sha256" / built.layers[1].digest.partition(":")[2]
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    with pytest.raises(DigestMismatch, match=built.layers[1].digest):
        pull(f"oci:{directory}", store, layers)
    blob.unlink()
    with pytest.raises(ImageError, match=f"has no usable {built.layers[1].digest}"):
        pull(f"oci:{directory}", store, layers)
    (directory / "index.json").write_text("[]")
    with pytest.raises(ImageError, match=r"index.json is damaged"):
        pull(f"oci:{directory}", store, layers)
    assert_nothing(store, layers)


def test_archives_on_disk_are_refused_with_a_way_out(store: Store, layers: Layers) -> None:
    with pytest.raises(ImageError, match="cannot be pulled") as caught:
        pull("docker-archive:x.tar", store, layers)
    assert caught.value.hint.startswith("skopeo copy docker-archive:x.tar oci:")
