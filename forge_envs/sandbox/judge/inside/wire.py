"""Messages between host and worker: a JSON header, a payload, descriptors; one packet each."""

import _socket as sockets  # the light half of `socket`, enough for methods and constants
import array
import json
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

LONGEST = 64 * 1024
"""Bytes of a header. What is longer, or is not to stay in the memory of a process, travels as a file in memory."""

PATIENCE = 9
"""By how many times its wall limit a run is extended, at most, for the time that it waited for a core."""

Socket: TypeAlias = sockets.socket

_PACKET = 192 * 1024
_DESCRIPTORS = 64
_INT = array.array("i").itemsize


def send(sock: Socket, header: dict[str, Any], payload: bytes = b"", fds: Sequence[int] = ()) -> None:
    """Send one message. The header has to be small: it shares the packet with the payload."""
    data = [json.dumps(header).encode(), b"\n", payload]
    if fds:
        sock.sendmsg(data, [(sockets.SOL_SOCKET, sockets.SCM_RIGHTS, array.array("i", fds))])
    else:
        sock.sendmsg(data)


def receive(sock: Socket) -> tuple[dict[str, Any], bytes, list[int]] | None:
    """The next message and the descriptors that came with it, or None at the end.

    Raises:
        ValueError: Not a message.
    """
    space = sockets.CMSG_SPACE(_DESCRIPTORS * _INT)
    data, ancillary, flags, _ = sock.recvmsg(_PACKET, space, sockets.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    for level, kind, content in ancillary:
        if level == sockets.SOL_SOCKET and kind == sockets.SCM_RIGHTS:
            fds += array.array("i", content[: len(content) // _INT * _INT])
    if not data:
        return None
    header, separator, payload = data.partition(b"\n")
    if not separator or flags & (sockets.MSG_TRUNC | sockets.MSG_CTRUNC):
        for fd in fds:
            os.close(fd)
        raise ValueError("a broken message")
    return json.loads(header), payload, fds


def attach(fd: int) -> Socket:
    """The socket that a descriptor stands for."""
    return sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET, 0, fd)


def pair() -> tuple[Socket, Socket]:
    """Two ends of a channel that keeps messages apart."""
    return sockets.socketpair(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
