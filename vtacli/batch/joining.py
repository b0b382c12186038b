"""Coming to a Ray cluster, and whether it may be trusted with films.

Whoever reaches a cluster that asks for no token can run any program on its machines
(CVE-2023-48022). Since Ray 2.52 a cluster can ask for one: ``RAY_AUTH_MODE=token`` on every
machine. Whether it does cannot be told from this side's settings, so it is tried: a question
without a token must be refused.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from vtacli.errors import ConfigError, ToolError

DOCUMENT = "https://docs.ray.io/en/latest/ray-security/token-auth.html"
REFUSED = ("InvalidAuthToken", "Unauthenticated", "authentication token")
STORE_BYTES = 256 << 20
"""Object store of a cluster that is started here: a few windows for each film that is open."""


def import_ray() -> Any:
    """Ray itself. Raises ToolError where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ToolError("Ray is not installed.", hint="pip install 'vta[ray]'.") from error
    return ray


def join(address: str | None, *, insecure: bool, own: frozenset[str] | None = None) -> None:
    """Connect this process to a cluster, or start one on this machine alone.

    ``address``: ``HOST:PORT``, ``auto`` for the one that runs on this machine, None for a new one,
    which asks for a token that nobody else knows. ``own``: names and addresses that mean this
    machine; None: as the system says. Raises ConfigError where the cluster does not answer, or has
    other machines, takes orders from anybody and ``insecure`` is not given.
    """
    if address is None:
        # before Ray is imported, which reads this once
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    ray = import_ray()
    own = own_hosts() if own is None else own
    if address is None:
        _start(ray)
        return
    if address != "auto":
        host = _host_of(address)
        _check_there(address)
        if host not in own and not insecure:
            _refuse_open(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"The cluster at {address} cannot be used: {reason}",
            hint="If it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH here.",
        ) from error
    try:
        elsewhere = {n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"]} - own
        if elsewhere and not insecure:
            _refuse_open(ray.get_runtime_context().gcs_address)
    except BaseException:
        ray.shutdown()
        raise


def own_hosts() -> frozenset[str]:
    """Names and addresses of this machine."""
    name = socket.gethostname()
    found = {"localhost", "127.0.0.1", "::1", name}
    with suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        outward.connect(("192.0.2.1", 9))  # sends nothing: only which address would be used
        found.add(outward.getsockname()[0])
    return frozenset(found)


def is_open(address: str) -> bool:
    """Whether a cluster answers somebody who shows no token. Raises ConfigError where nothing
    answers at all, or not as a cluster does."""
    _check_there(address)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    asked = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if asked.returncode == 0:
        return True
    said = asked.stdout + asked.stderr
    if any(word in said for word in REFUSED):
        return False
    last = (said.strip().splitlines() or ["it said nothing"])[-1]
    raise ConfigError(f"What answers at {address} is no Ray cluster of this version: {last}")


def _check_there(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"No cluster answers at {address}: {error}.", hint="Check --address."
        ) from error


def _refuse_open(address: str) -> None:
    if is_open(address):
        raise ConfigError(
            f"The cluster at {address} takes orders from anybody who reaches it.",
            hint=f"Start it with RAY_AUTH_MODE=token ({DOCUMENT}), or pass --insecure-cluster "
            "where nobody else can reach it.",
        )


def _host_of(address: str) -> str:
    if "://" in address or ":" not in address:
        raise ConfigError(
            f"{address!r} is no address of a cluster.",
            hint="It is HOST:PORT or auto; run vta on one of the cluster's machines.",
        )
    return address.rpartition(":")[0].strip("[]")


def _start(ray: Any) -> None:
    ray.init(
        address="local",
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level="ERROR",
    )


def places(nodes: Iterable[dict[str, Any]]) -> list[str]:
    """The node of each model that a cluster can hold: one for each GPU, or, where it has none, one
    for each machine that has a processor to give."""
    alive = [n for n in nodes if n["Alive"]]
    gpus = [n["NodeID"] for n in alive for _ in range(int(n["Resources"].get("GPU", 0)))]
    return gpus or [n["NodeID"] for n in alive if n["Resources"].get("CPU", 0) >= 1]
