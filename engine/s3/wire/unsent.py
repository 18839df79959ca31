"""How much of what was sent is still on its way: on a slow line the system holds megabytes of it."""

from __future__ import annotations

import socket
import struct
import sys

_LINUX_SIOCOUTQ = 0x5411
_DARWIN_SO_NWRITE = 0x1024


def unsent_bytes(sock: socket.socket) -> int:
    """Bytes that the other side has not acknowledged yet; 0 where the system does not tell."""
    try:
        if sys.platform == "linux":
            import fcntl

            (count,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), _LINUX_SIOCOUTQ, bytes(4)))
            return int(count)
        if sys.platform == "darwin":
            return sock.getsockopt(socket.SOL_SOCKET, _DARWIN_SO_NWRITE)
    except (OSError, ValueError):
        pass  # Closed, or no socket that can say: then only what moves here counts.
    return 0
