"""A registry with one small image, which can be told to fail, for the engine to pull from."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Registry:
    """Where it listens, what it has been asked for, and how the next pulls fail."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)

    def image(self, name: str = "tiny") -> str:
        return f"{self.address}/forge/{name}:latest"


@contextmanager
def registry(marker: str) -> Iterator[Registry]:
    """Serve ``forge/tiny:latest`` on this machine; the marker makes it an image of its own."""
    state = Registry()
    blobs, manifest = _image(marker)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *_: object) -> None:
            return

        def _answer(self, *, with_body: bool) -> None:
            last = self.path.rpartition("/")[2]
            if self.path == "/v2/":
                code, kind, body = 200, "application/json", b"{}"
            elif "/manifests/" in self.path:
                state.asked.append(self.path)
                if state.failing:  # the engine asks with HEAD, then, where that failed, with GET
                    code, kind, body = _error(state.failing.pop(0) if with_body else state.failing[0])
                elif "/forge/tiny/" not in self.path:
                    code, kind, body = _error(404)
                else:
                    code, kind, body = 200, _MANIFEST, manifest
            elif last in blobs:
                code, kind, body = 200, "application/octet-stream", blobs[last]
            else:
                code, kind, body = _error(404)
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if kind == _MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(body))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    state.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _error(code: int) -> tuple[int, str, bytes]:
    names = {404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS", 401: "DENIED", 503: "UNAVAILABLE"}
    said = {404: "manifest unknown", 429: "You have reached your pull rate limit.", 401: "access denied", 503: "later"}
    return code, "application/json", json.dumps({"errors": [{"code": names[code], "message": said[code]}]}).encode()


def _image(marker: str) -> tuple[dict[str, bytes], bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("marker")
        member.size = len(marker)
        archive.addfile(member, io.BytesIO(marker.encode()))
    layer = gzip.compress(buffer.getvalue(), mtime=0)
    about = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [_digest(buffer.getvalue())]},
    }
    config = json.dumps(about).encode()
    kinds = ("container.image.v1+json", "image.rootfs.diff.tar.gzip")
    parts = [
        {"mediaType": f"application/vnd.docker.{kind}", "size": len(blob), "digest": _digest(blob)}
        for kind, blob in zip(kinds, (config, layer), strict=True)
    ]
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": parts[0], "layers": [parts[1]]}
    return {_digest(blob): blob for blob in (config, layer)}, json.dumps(manifest).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
