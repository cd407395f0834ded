"""Messages between the host process, the factory and the keepers: JSON with descriptors, on a stream socket."""

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

_HEADER = struct.Struct("=I")
_MOST_FDS = 16
_MOST_BYTES = 64 * 2**20


def send(sock: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message with descriptors. The caller keeps its own copies of them.

    Raises:
        OSError: The other side is gone.
    """
    body = json.dumps(message).encode()
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sent = sock.sendmsg([_HEADER.pack(len(body)), body], ancillary, socket.MSG_NOSIGNAL)
    rest = (_HEADER.pack(len(body)) + body)[sent:]
    if rest:
        sock.sendall(rest)


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive one message and the descriptors that came with it, which are the caller's to close.

    Raises:
        EOFError: The other side closed the connection.
        OSError: The connection broke.
    """
    fds: list[int] = []
    try:
        (size,) = _HEADER.unpack(_exactly(sock, _HEADER.size, fds))
        if size > _MOST_BYTES:
            raise OSError(f"a message of {size} bytes")
        return json.loads(_exactly(sock, size, fds)), fds
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


def _exactly(sock: socket.socket, size: int, fds: list[int]) -> bytes:
    parts, missing = [], size
    while missing:
        part, got, _, _ = socket.recv_fds(sock, missing, _MOST_FDS, socket.MSG_CMSG_CLOEXEC)
        fds.extend(got)
        if not part:
            raise EOFError("the connection was closed")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
