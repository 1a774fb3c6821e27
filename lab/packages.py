"""The lab's package mirror: fetches what a host asks for with the machine's own apt, and keeps it.

A host says `http://packages.lab.example/debian/…`; the first part names one of the repositories
that the machine's apt knows. apt-helper does the fetching, so the machine's proxies, credentials
and certificates apply. Files of a pool and files named by their hash never change and are kept
for ever; others for ten minutes, or as long as their origin cannot be reached.

    python -m lab.packages NAMESPACE CACHE NAME=URI...
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lab.home import locked
from lab.network import entered

_FRESH_SECONDS = 600


class Mirror:
    """Repositories by name, and the folder that keeps their files."""

    def __init__(self, cache: Path, repositories: dict[str, str]) -> None:
        self._cache = cache
        self._repositories = repositories

    def file(self, target: str) -> Path | None:
        """Return the file for a request's target, or None when there is no such file."""
        path = PurePosixPath(unquote(urlsplit(target).path))
        if len(path.parts) < 3 or ".." in path.parts or path.parts[1] not in self._repositories:
            return None
        kept = self._cache.joinpath(*path.parts[1:])
        kept.parent.mkdir(parents=True, exist_ok=True)
        with locked(self._lock(kept)):
            if not _is_fresh(kept):
                base = self._repositories[path.parts[1]].rstrip("/")
                _fetch("/".join((base, *path.parts[2:])), kept)
        return kept if kept.exists() else None

    def _lock(self, kept: Path) -> Path:
        """One of 64 lock files, so that no two requests, of any lab, fetch the same file."""
        return self._cache / f"lock{zlib.crc32(os.fsencode(kept)) % 64:02d}"


def _is_fresh(path: Path) -> bool:
    if not path.exists():
        return False
    if "pool" in path.parts or "by-hash" in path.parts:
        return True
    return time.time() - path.stat().st_ctime < _FRESH_SECONDS


def _fetch(uri: str, path: Path) -> None:
    """Fetch with apt's own settings; what was there before stays when that fails."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    options = ["-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
    argv = ["/usr/lib/apt/apt-helper", *options, "download-file", uri, str(part)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == 0:
        part.rename(path)
    else:
        print(f"{uri}: {done.stderr.decode(errors='replace').strip()}", flush=True)
        part.unlink(missing_ok=True)


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 120

        def do_GET(self) -> None:
            path = mirror.file(self.path)
            if path is None:
                self.send_error(404)
                return
            with path.open("rb") as file:
                self.send_response(200)
                self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
                self.end_headers()
                shutil.copyfileobj(file, self.wfile, 1 << 20)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self) -> None:
        """Listen for IPv4 as well, and look no name up."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "packages", 80


def _serve(namespace: str, cache: str, *repositories: str) -> None:
    mirror = Mirror(Path(cache), dict(item.split("=", 1) for item in repositories))
    with entered(namespace):
        server = _Server(("::", 80), _handler(mirror))
    server.serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
