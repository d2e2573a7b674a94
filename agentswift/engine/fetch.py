"""A repository of a hub as a folder: from the hub's own cache on this disk, else over the network."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from agentswift.errors import HubError

Kind = Literal["model", "dataset"]
HUBS = {"modelscope": "ModelScope", "huggingface": "Hugging Face"}
_PROBE_S = 3.0  # to connect; the hubs' own code goes on trying for minutes
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def cached(hub: str, id_: str, kind: Kind, revision: str | None) -> Path | None:
    """Return the folder of `id_` in the hub's cache on this disk; None where it holds nothing of it."""
    try:
        return Path(_downloader(hub)(id_, repo_type=kind, revision=revision, local_files_only=True))
    except Exception:  # each version of both libraries says "not there" with another class
        return None


def download(
    hub: str, id_: str, kind: Kind, revision: str | None, wanted: list[str] | None, unwanted: list[str]
) -> Path:
    """Return the folder of `id_` with the files that match `wanted` (None: all) and none of `unwanted`, fetched.

    Raises HubError within seconds where there is no network, and for whatever the hub refuses.
    """
    if why := unreachable(hub):
        raise HubError(f"{HUBS[hub]} cannot be reached ({why})")
    try:
        fetch = _downloader(hub)
        return Path(fetch(id_, repo_type=kind, revision=revision, allow_patterns=wanted, ignore_patterns=unwanted))
    except Exception as error:  # as above: network, disk, rights and unknown ids come in dozens of classes
        said = " ".join(str(error).split())[:300]
        raise HubError(f"{HUBS[hub]} did not give it: {type(error).__name__}: {said}") from error


def unreachable(hub: str) -> str:
    """Return why no connection to `hub` can be made, found out in seconds; empty when one can."""
    if offline := next(
        (name for name in _OFFLINE if os.environ.get(name, "0").upper() in ("1", "TRUE", "YES", "ON")), None
    ):
        return f"{offline} is set"
    endpoint = urlsplit(_endpoint(hub))
    host = endpoint.hostname or ""
    proxy = None if proxy_bypass(host) else getproxies().get(endpoint.scheme) or getproxies().get("all")
    target = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else endpoint
    address = (target.hostname or "", target.port or (443 if target.scheme == "https" else 80))
    outcome = [f"{address[0]} does not answer within {_PROBE_S:.0f} s"]
    # A thread, as looking a name up can hang far longer than any timeout given to connect.
    probe = Thread(target=_probe, args=(address, outcome), daemon=True)
    probe.start()
    probe.join(_PROBE_S + 1)
    return outcome[-1]


def _probe(address: tuple[str, int], outcome: list[str]) -> None:
    try:
        socket.create_connection(address, timeout=_PROBE_S).close()
        outcome.append("")
    except OSError as error:
        outcome.append(f"{address[0]}: {error.strerror or error}")


def _endpoint(hub: str) -> str:
    """Return the hub's address as its own library has it, mirrors set in the environment included."""
    if hub == "huggingface":
        from huggingface_hub.constants import ENDPOINT

        return str(ENDPOINT)
    named = os.environ.get("MODELSCOPE_ENDPOINT") or os.environ.get("MODELSCOPE_DOMAIN") or "modelscope.cn"
    return named if "://" in named else f"https://{named}"


def _downloader(hub: str) -> Callable[..., Any]:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if hub == "huggingface":
        from huggingface_hub import snapshot_download

        return snapshot_download
    from modelscope.hub.snapshot_download import snapshot_download as from_modelscope

    return lambda id_, **given: from_modelscope(id_, **given)
