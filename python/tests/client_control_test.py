# SPDX-License-Identifier: Apache-2.0
"""muster.Client: health, descriptions, the repository, pictures, and who may do what, with Muster's own server."""

import pathlib
import subprocess

import muster
import numpy as np
import pytest
import serving
from serving import TRANSPORTS, fp32, same

TOKENS = {"infer": "the-token-of-inference", "admin": "the-token-of-the-admin"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    repository = serving.model_folders.lay_out(tmp_path_factory.mktemp("models"))
    with muster.Server(repository, model_control="explicit", load_model="*") as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def client(request, server):
    with server.client(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def http(server):
    with server.client() as made:
        yield made


def test_health_is_told(client):
    assert client.live() is True
    assert client.ready() is True
    assert client.ready("lenet") is True
    assert client.ready("lenet", 1) is True
    assert client.ready("lenet", 2) is False
    assert client.ready("nobody") is False


def test_the_server_describes_itself(client):
    said = client.server_metadata()
    assert said.name == "muster"
    assert said.version
    assert "binary_tensor_data" in said.extensions


def test_models_are_described(client, http):
    said = client.metadata("lenet")
    assert (said.name, said.versions) == ("lenet", ("1",))
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in said.inputs] == [
        ("input", "float32", (-1, 1, 28, 28))
    ]
    assert [tensor.dtype for tensor in client.metadata("identity_string").inputs] == ["bytes"]
    assert [tensor.dtype for tensor in client.metadata("identity_bf16").inputs] == ["bfloat16"]
    assert said == http.metadata("lenet")
    with pytest.raises(FileNotFoundError, match="nobody"):
        client.metadata("nobody")


def test_configurations_are_alike_over_every_transport(client, http):
    for model in ("lenet", "labelled", "no_batch", "slow"):
        assert plain(client.config(model)) == plain(http.config(model))
    assert client.config("lenet")["max_batch_size"] > 0
    assert client.config("small_batches")["max_batch_size"] == 8


def plain(config):
    """Without what is empty: the transports write it, or leave it out."""
    if isinstance(config, dict):
        shown = {str(key): plain(value) for key, value in config.items()}
        return {key: value for key, value in shown.items() if value not in ({}, [], "", 0, False, None)}
    return [plain(value) for value in config] if isinstance(config, list) else config


def test_statistics_count(client):
    before = client.statistics("identity_fp32", 1)[0]["inference_count"]
    client.run("identity_fp32", fp32(5), rows_per_request=0)
    # The counts may come a moment after the answer.
    for _ in range(1000):
        (after,) = client.statistics("identity_fp32")
        if after["inference_count"] != before:
            break
    assert (after["name"], after["version"]) == ("identity_fp32", "1")
    assert after["inference_count"] == before + 5
    assert {"lenet", "slow"} <= {entry["name"] for entry in client.statistics()}
    with pytest.raises((muster.NotFound, muster.InvalidArgument)):
        client.statistics("nobody")


def test_models_are_loaded_and_unloaded(server, request):
    for transport in TRANSPORTS:
        with server.client(transport) as client:
            client.load("small_batches", {"max_batch_size": 4})
            assert client.config("small_batches")["max_batch_size"] == 4
            client.unload("small_batches")
            entry = next(entry for entry in client.index() if entry.name == "small_batches")
            assert entry.state in ("UNLOADING", "UNAVAILABLE")
            assert "small_batches" not in {entry.name for entry in client.index(ready_only=True)}
            with pytest.raises((muster.Unavailable, muster.NotFound)):
                client.run("small_batches", {"input": fp32(1)})
            client.load("small_batches")
            assert same(client.run("small_batches", fp32(20))["output"], fp32(20))
            client.unload("nobody")
            with pytest.raises((muster.NotFound, muster.InvalidArgument)):
                client.load("nobody")
            with pytest.raises(muster.InvalidArgument):
                client.load("small_batches", "no configuration")


def test_a_model_that_changes_is_known_anew(server):
    with server.client() as client, server.client() as other:
        assert same(client.run("small_batches", fp32(20))["output"], fp32(20))
        other.load("small_batches", {"max_batch_size": 2})
        assert same(client.run("small_batches", fp32(20))["output"], fp32(20))
        other.unload("small_batches")
        other.load("small_batches")


# ---- pictures ----


def test_pictures_are_classified(http, digits):
    expected = [int(path.name[0]) for path in digits[:10]]
    scores = http.classify("lenet", digits[:10])
    assert [one[0].index for one in scores] == expected
    assert http.classify("lenet", [path.read_bytes() for path in digits[:10]]) == scores
    assert len(http.classify("lenet", digits[0], top_k=3)[0]) == 3
    assert 0 < scores[0][0].probability <= 1
    assert http.classify("lenet", []) == []


def test_arrays_are_pictures_as_cv2_has_them(http, digits):
    cv2 = pytest.importorskip("cv2")
    for flag in (cv2.IMREAD_GRAYSCALE, cv2.IMREAD_COLOR):
        arrays = [cv2.imread(str(path), flag) for path in digits[:5]]
        scores = http.classify("lenet", arrays)
        assert [one[0].index for one in scores] == [int(path.name[0]) for path in digits[:5]]


def test_an_array_becomes_a_png_that_cv2_reads_back():
    cv2 = pytest.importorskip("cv2")
    from muster.client.pictures import png_of

    random = np.random.default_rng(3)
    for shape in ((5, 7), (5, 7, 3), (5, 7, 4), (1, 1, 3)):
        array = random.integers(0, 256, shape, np.uint8)
        back = cv2.imdecode(np.frombuffer(png_of(array), np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(back, array)


def test_many_pictures_travel_in_several_requests(http, digits):
    assert len(http.classify("lenet", [digits[0].read_bytes()] * 600)) == 600


@pytest.mark.parametrize(
    "pictures, kind",
    [
        ("nowhere.png", muster.NotFound),
        ([7], muster.WrongType),
        (np.zeros((3, 3), np.float32), muster.WrongType),
        (np.zeros((3, 0), np.uint8), muster.InvalidArgument),
        (np.zeros((3, 3, 2), np.uint8), muster.InvalidArgument),
        (b"no picture", muster.InvalidArgument),
        (pathlib.Path("."), muster.InvalidArgument),
    ],
)
def test_what_is_no_picture_is_refused(http, pictures, kind):
    with pytest.raises(kind):
        http.classify("lenet", pictures)


@pytest.mark.parametrize("top_k", [0, -1, 1.5, True])
def test_top_k_is_a_number(http, top_k):
    with pytest.raises(muster.InvalidArgument, match="top_k"):
        http.classify("lenet", b"", top_k)


# ---- who may do what ----


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and what it signed for the server and for a client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2", *usage)
    # As Python 3.13 wants it of those it trusts.
    extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    (folder / "names").write_text(extensions)
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return folder


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return serving.model_folders.add_model(
        tmp_path_factory.mktemp("models"), "identity_fp32", serving.model_folders.MODELS / "identity_fp32.onnx"
    )


@pytest.fixture(scope="module")
def guarded(identity, certificates, tmp_path_factory):
    """TLS with certificates of clients, and tokens."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text("".join(f"{right} {token}\n" for right, token in TOKENS.items()))
    tokens.chmod(0o600)
    files = {"tls_cert": "server.pem", "tls_key": "server.key", "tls_client_ca": "ca.pem"}
    flags = {name: certificates / file for name, file in files.items()}
    with muster.Server(identity, token_file=tokens, **flags) as running:
        yield running


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_tls_and_tokens_open_what_they_should(guarded, certificates, transport):
    mine = {
        "ca_file": f"{certificates}/ca.pem",
        "cert_file": f"{certificates}/client.pem",
        "key_file": f"{certificates}/client.key",
    }
    with guarded.client(transport, **mine) as client:
        assert client.live()
        with pytest.raises(muster.Unauthenticated):
            client.metadata("identity_fp32")
        with pytest.raises(muster.Unauthenticated):
            client.run("identity_fp32", {"input": fp32(1)})
    with guarded.client(transport, token=TOKENS["infer"], **mine) as client:
        array = np.random.default_rng(1).normal(size=(1000, 4)).astype(np.float32)
        assert same(client.run("identity_fp32", array, rows_per_request=0)["output"], array)
        assert same(client.run("identity_fp32", array, rows_per_request=100)["output"], array)
        with pytest.raises(PermissionError) as refusal:
            client.unload("identity_fp32")
        assert isinstance(refusal.value, muster.PermissionDenied)
    with guarded.client(transport, token="nobody-s", **mine) as client, pytest.raises(muster.Unauthenticated):
        client.metadata("identity_fp32")


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_tls_trusts_nobody_else(guarded, certificates, transport):
    for options in ({}, {"ca_file": f"{certificates}/ca.pem"}):
        with guarded.client(transport, timeout=20, **options) as client, pytest.raises(muster.Unavailable):
            client.metadata("identity_fp32")


def test_tls_connections_are_kept(guarded, certificates):
    mine = {
        "ca_file": f"{certificates}/ca.pem",
        "cert_file": f"{certificates}/client.pem",
        "key_file": f"{certificates}/client.key",
    }
    array = fp32(4000)
    with guarded.client(token=TOKENS["infer"], **mine) as client:
        for _ in range(3):
            assert same(client.run("identity_fp32", array, rows_per_request=0)["output"], array)
        # What TLS says of its own accord does not end a connection.
        (connection,) = client._transports[0]._pool._idle
        assert connection.exchanges == 5


@pytest.mark.parametrize(
    "files, kind",
    [
        ({"ca_file": "nothing.pem"}, muster.NotFound),
        ({"ca_file": "names"}, muster.InvalidArgument),
        ({"cert_file": "client.pem", "key_file": "server.key"}, muster.InvalidArgument),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_files_of_tls_that_do_not_fit_are_refused(certificates, files, kind, scheme):
    options = {name: f"{certificates}/{file}" for name, file in files.items()}
    with pytest.raises(kind):
        muster.Client(f"{scheme}://localhost:1", **options)
