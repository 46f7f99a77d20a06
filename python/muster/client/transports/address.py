# SPDX-License-Identifier: Apache-2.0
"""Where a server is asked, by which transport, and as whom."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from muster.errors import InvalidArgument, NotFound, WrongType

FORMS = "http://HOST:PORT, https://HOST:PORT, unix:PATH, grpc://HOST:PORT, grpcs://HOST:PORT or grpc+unix:PATH"
_TOKEN = re.compile(r"[!-~]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "inference-header-content-length"}


@dataclass(frozen=True)
class Address:
    """One server."""

    url: str
    transport: Literal["http", "grpc"]
    tls: bool = False
    host: str = ""
    port: int = 0
    unix_path: str = ""

    @property
    def authority(self) -> str:
        """What the server is told that it was asked as."""
        if self.unix_path:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _unix(url: str, path: str, transport: Literal["http", "grpc"]) -> Address:
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path or "\0" in path:
        raise InvalidArgument(f"{url!r} has no path of a Unix-domain socket after its first ':'")
    if len(path.encode(errors="surrogateescape")) > 107:
        raise InvalidArgument(f"{url!r}: the path of a Unix-domain socket has 107 bytes at most")
    return Address(url, transport, unix_path=path)


def parse_url(url: object) -> Address:
    """Raises ``InvalidArgument``, which tells what is wrong with a URL and what forms there are."""
    if not isinstance(url, str):
        raise WrongType(f"a URL is a str, not a {type(url).__name__}")
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme == "unix" and colon:
        return _unix(url, rest, "http")
    if scheme in ("grpc+unix", "unix+grpc"):
        return _unix(url, rest, "grpc")
    if scheme not in ("http", "https", "grpc", "grpcs") or not rest.startswith("//"):
        hint = f"; did you mean 'http://{url}'?" if "://" not in url and url else ""
        raise InvalidArgument(f"{url!r} is no URL of a server: it is {FORMS}{hint}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidArgument(f"{url!r}: {error}") from error
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise InvalidArgument(f"{url!r} has more than a host and a port; a token is given by token=")
    if not host or not re.fullmatch(r"[0-9A-Za-z._:%\-]+", host):
        raise InvalidArgument(f"{url!r} names no host: it is {FORMS}")
    if port is None and scheme.startswith("http"):
        port = 443 if scheme == "https" else 80
    if not port:
        raise InvalidArgument(f"{url!r} names no port: it is {FORMS}")
    return Address(url, "http" if scheme.startswith("http") else "grpc", scheme in ("https", "grpcs"), host, port)


@dataclass(frozen=True)
class Access:
    """As whom a server is asked, and how it must show who it is."""

    token: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """For HTTP. Raises where a file is missing or not what it should be."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except FileNotFoundError as error:
            raise NotFound(
                f"a file of TLS is not there: {self.ca_file}, {self.cert_file} or {self.key_file}"
            ) from error
        except (ssl.SSLError, OSError) as error:
            files = ", ".join(name for name in (self.ca_file, self.cert_file, self.key_file) if name)
            raise InvalidArgument(f"the files of TLS do not fit ({files}): {error}") from error
        return context

    def pem(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Authorities, key and certificate for gRPC."""
        self.context()
        return tuple(None if name is None else open(name, "rb").read() for name in self.files())  # type: ignore[return-value]

    def files(self) -> tuple[str | None, str | None, str | None]:
        return self.ca_file, self.key_file or self.cert_file, self.cert_file

    def all_headers(self) -> list[tuple[str, str]]:
        bearer = [] if self.token is None else [("Authorization", f"Bearer {self.token}")]
        return bearer + list(self.headers)


def make_access(
    token: str | None,
    headers: Mapping[str, str] | None,
    ca_file: str | None = None,
    cert_file: str | None = None,
    key_file: str | None = None,
) -> Access:
    """Checks what would end up in the text of a request."""
    if token is not None and (not isinstance(token, str) or not _TOKEN.fullmatch(token)):
        raise InvalidArgument("the token has characters that no bearer token has: only visible ASCII, without spaces")
    if key_file is not None and cert_file is None:
        raise InvalidArgument("key_file is the key of a certificate: give cert_file, too")
    pairs = tuple((headers or {}).items())
    for name, value in pairs:
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise InvalidArgument(f"{name!r} is no header that a request can have besides its own")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidArgument(f"the header {name} has characters that no header has")
        if token is not None and name.lower() == "authorization":
            raise InvalidArgument("headers and token both have an authorization; give one of them")
    return Access(token, pairs, ca_file, cert_file, key_file)
