# SPDX-License-Identifier: Apache-2.0
"""Who may do what: bearer tokens with separate rights, TLS, and certificates of clients, on both transports."""

import ssl
import subprocess
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.utils import InferenceServerException

import model_folders
from conftest import transport_of
from running_server import RunningServer

LIMIT_S = 120
TOKENS = {"infer": "the-token-of-inference", "metrics": "the-token-of-metrics", "admin": "the-token-of-the-admin"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    model_folders.add_model(root, "identity_fp32", model_folders.MODELS / "identity_fp32.onnx")
    return root


def token_file(folder, lines):
    path = folder / "tokens"
    path.write_text("".join(lines))
    path.chmod(0o600)
    return path


def row(transport):
    return [transport.input("input", np.ones((1, 4), np.float32), "FP32")]


def bearer(right):
    return {} if right is None else {"Authorization": f"Bearer {TOKENS.get(right, right)}"}


def headers_of(transport, right):
    """gRPC wants its metadata in lower case."""
    return {name.lower() if transport.name == "grpc" else name: value for name, value in bearer(right).items()}


def outcome(transport, call, *arguments, right=None, **named):
    """'fine', or the word for how it failed."""
    try:
        call(*arguments, headers=headers_of(transport, right), **named)
    except InferenceServerException as failure:
        words = ("unauthenticated", "forbidden", "invalid", "not found")
        return next((word for word in words if failure.status() == transport.code(word)), str(failure.status()))
    return "fine"


# ---- tokens ----


@pytest.fixture(scope="module")
def server(program, repository, tmp_path_factory):
    lines = ["# rights and tokens\n", *(f"{right} {token}\n" for right, token in TOKENS.items())]
    tokens = token_file(tmp_path_factory.mktemp("tokens"), lines)
    arguments = ("--model-control", "explicit", "--load-model", "*", "--token-file", tokens)
    with RunningServer(program, repository, *arguments) as running:
        yield running
        assert not [token for token in TOKENS.values() if token in running.output]


def test_health_needs_no_token(transport, client):
    assert client.is_server_live()
    assert client.is_server_ready()


@pytest.mark.parametrize(
    "right, expected",
    [
        ("infer", "fine"),
        (None, "unauthenticated"),
        ("nobody's", "unauthenticated"),
        ("", "unauthenticated"),
        ("metrics", "forbidden"),
    ],
)
def test_inference_needs_its_token(transport, client, right, expected):
    assert outcome(transport, client.infer, "identity_fp32", row(transport), right=right) == expected


@pytest.mark.parametrize(
    "call", ["get_server_metadata", "get_model_repository_index", "get_inference_statistics", "get_log_settings"]
)
def test_what_there_is_is_not_told_to_strangers(transport, client, call):
    assert outcome(transport, getattr(client, call)) == "unauthenticated"
    assert outcome(transport, getattr(client, call), right="infer") == "fine"


@pytest.mark.parametrize(
    "call, arguments",
    [
        ("load_model", ("identity_fp32",)),
        ("unload_model", ("nobody",)),
        ("update_log_settings", ({"log_verbose_level": 0},)),
        ("register_system_shared_memory", ("r", "/muster-test-nothing", 64)),
        ("unregister_system_shared_memory", ()),
        ("get_system_shared_memory_status", ()),
        ("get_cuda_shared_memory_status", ()),
    ],
)
def test_changing_the_server_needs_the_admin_s_token(transport, client, call, arguments):
    method = getattr(client, call)
    assert outcome(transport, method, *arguments) == "unauthenticated"
    assert outcome(transport, method, *arguments, right="infer") == "forbidden"
    assert outcome(transport, method, *arguments, right="admin") not in ("unauthenticated", "forbidden")


def test_a_refusal_comes_before_the_body_is_looked_at(server):
    request = urllib.request.Request(f"http://{server.http}/v2/models/identity_fp32/infer", b"not JSON")
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request)
    assert failure.value.code == 401
    assert "Bearer" in failure.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize("right, expected", [("metrics", 200), (None, 401), ("infer", 403)])
def test_the_metrics_page_has_its_own_right(server, right, expected):
    request = urllib.request.Request(f"http://{server.metrics}/metrics", headers=bearer(right))
    try:
        with urllib.request.urlopen(request) as reply:
            status = reply.status
    except urllib.error.HTTPError as failure:
        status = failure.code
    assert status == expected


def test_streams_and_reflection_ask_for_the_token_too(server):
    with grpc.insecure_channel(server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert (
            stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S).status
            == health_pb2.HealthCheckResponse.SERVING
        )
        with pytest.raises(grpc.RpcError) as failure:
            ProtoReflectionDescriptorDatabase(channel).get_services()
        assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED
        call = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")(iter([b""]), timeout=LIMIT_S)
        with pytest.raises(grpc.RpcError) as failure:
            next(call)
        assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_token_file_that_others_may_read_is_refused(program, repository, tmp_path):
    tokens = token_file(tmp_path, ["infer secret-of-the-test\n"])
    tokens.chmod(0o644)
    arguments = [program, "serve", "--models", repository, "--token-file", tokens]
    arguments += ["--http-port", "0", "--grpc-port", "0", "--metrics-port", "0"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode != 0
    assert str(tokens) in done.stderr
    assert "secret-of-the-test" not in done.stdout + done.stderr


def test_beyond_loopback_nobody_is_admin_without_a_token(program, repository):
    arguments = ("--host", "0.0.0.0", "--model-control", "explicit", "--load-model", "*", "--shared-memory")
    with RunningServer(program, repository, *arguments) as running:
        for name in ("http", "grpc"):
            transport = transport_of(running, name)
            transport.address = "127.0.0.1:" + transport.address.rsplit(":", 1)[1]
            with transport.client() as client:
                assert outcome(transport, client.infer, "identity_fp32", row(transport)) == "fine"
                assert outcome(transport, client.load_model, "identity_fp32") == "forbidden"
                assert outcome(transport, client.register_system_shared_memory, "r", "/r", 64) == "forbidden"
                wish = transport.module.InferRequestedOutput("output")
                wish.set_shared_memory("r", 16)
                assert outcome(transport, client.infer, "identity_fp32", row(transport), outputs=[wish]) == "forbidden"


# ---- TLS ----


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, what it signed for the server and for a client, and a stranger's certificate of its own making."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "stranger"):
        openssl(
            "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2"
        )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return folder


def https(certificates, address, identity=None, path="/v2/health/ready"):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if identity:
        context.load_cert_chain(certificates / f"{identity}.pem", certificates / f"{identity}.key")
    with urllib.request.urlopen(f"https://{address}{path}", context=context, timeout=LIMIT_S) as reply:
        return reply.status


def grpc_client(certificates, server, identity=None):
    keys = {}
    if identity:
        keys = {"private_key": f"{certificates}/{identity}.key", "certificate_chain": f"{certificates}/{identity}.pem"}
    return tritonclient.grpc.InferenceServerClient(
        server.grpc, ssl=True, root_certificates=str(certificates / "ca.pem"), **keys
    )


def test_both_transports_and_the_metrics_speak_tls(program, repository, certificates):
    arguments = ("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    with RunningServer(program, repository, *arguments) as running:
        assert https(certificates, running.http) == 200
        assert https(certificates, running.metrics, path="/metrics") == 200
        plain = transport_of(running, "grpc")
        with grpc_client(certificates, running) as client:
            assert client.is_server_ready()
            result = client.infer("identity_fp32", row(plain))
            assert result.as_numpy("output").tolist() == [[1, 1, 1, 1]]
        options = {"ca_certs": str(certificates / "ca.pem")}
        with tritonclient.http.InferenceServerClient(running.http, ssl=True, ssl_options=options) as client:
            assert client.is_server_ready()
        with pytest.raises(InferenceServerException), plain.client() as client:
            client.is_server_live(client_timeout=LIMIT_S)
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://{running.http}/v2/health/live", timeout=LIMIT_S)
        assert https(certificates, running.http) == 200


def test_clients_must_show_a_certificate_where_that_is_asked(program, repository, certificates):
    arguments = ("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    with RunningServer(program, repository, *arguments, "--tls-client-ca", certificates / "ca.pem") as running:
        assert https(certificates, running.http, "client") == 200
        with grpc_client(certificates, running, "client") as client:
            assert client.is_server_ready()
        for identity in (None, "stranger"):
            with pytest.raises(OSError):
                https(certificates, running.http, identity)
            with pytest.raises(InferenceServerException), grpc_client(certificates, running, identity) as client:
                client.is_server_live(client_timeout=LIMIT_S)
        assert https(certificates, running.http, "client") == 200


@pytest.mark.parametrize(
    "certificate, key", [("server.pem", "client.key"), ("nothing.pem", "server.key"), ("names", "server.key")]
)
def test_certificates_that_do_not_fit_end_the_start(program, repository, certificates, certificate, key):
    arguments = [
        program,
        "serve",
        "--models",
        repository,
        "--http-port",
        "0",
        "--grpc-port",
        "0",
        "--metrics-port",
        "0",
    ]
    arguments += ["--tls-cert", certificates / certificate, "--tls-key", certificates / key]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode not in (0, -6, -11), done.stderr
    assert done.stderr
