"""Runs the rest of its command line as ``vta``, in a process that may not reach the network: the
kernel ends it, or what it started, at the attempt.

Linux alone: a seccomp filter. ``connect`` is the end, and so is a socket of the network that needs
no ``connect``: datagrams, which names are looked up with, and raw packets. TCP sockets may be made
(urllib3 makes one when it is imported, to see whether there is IPv6); sockets of this machine may
not, so that whatever connects means the network.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

KILLED = -31
"""What subprocess reports for a process that the filter ended: signal SIGSYS."""

_CALLS = {"x86_64": (0xC000003E, 41, 42), "aarch64": (0xC00000B7, 198, 203)}
"""The architecture, and the numbers of socket and connect there."""

_LOCAL, _IPV4, _IPV6, _PACKET = 1, 2, 10, 17
_STREAM, _KIND = 1, 0xF
_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EACCES, 0x80000000


def available() -> bool:
    return sys.platform == "linux" and platform.machine() in _CALLS


def forbid_network() -> None:
    """From here on, for this process and its children; it cannot be undone."""
    architecture, socket, connect = _CALLS[platform.machine()]
    # (operation, steps forward if equal, if not, value)
    rules = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 0, 11, architecture),
        (_LOAD, 0, 0, 0),  # the call's number
        (_EQUAL, 9, 0, connect),
        (_EQUAL, 0, 9, socket),
        (_LOAD, 0, 0, 16),  # its first argument: the family
        (_EQUAL, 8, 0, _LOCAL),
        (_EQUAL, 5, 0, _PACKET),
        (_EQUAL, 1, 0, _IPV4),
        (_EQUAL, 0, 4, _IPV6),
        (_LOAD, 0, 0, 24),  # its second: the kind, with flags
        (_AND, 0, 0, _KIND),
        (_EQUAL, 1, 0, _STREAM),
        (_RETURN, 0, 0, _KILL),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(rules), ctypes.cast(code, ctypes.c_void_p).value)
    libc = ctypes.CDLL(None, use_errno=True)
    for request in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(program), 0, 0)):
        if libc.prctl(*request) != 0:  # no new privileges; then the filter
            raise OSError(ctypes.get_errno(), "the filter was not taken")


if __name__ == "__main__":
    forbid_network()
    from vtacli.cli.main import main

    sys.exit(main(sys.argv[1:]))
