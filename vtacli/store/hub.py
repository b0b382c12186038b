"""What the Hugging Face hub says of a file: its commit, length and hash, before any of it comes.

The hub is asked through its own client, so ``HF_ENDPOINT`` (a mirror), ``HF_TOKEN`` and
``HF_HUB_OFFLINE`` mean here what they mean everywhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from vtacli.errors import ConfigError, VtaError, WeightsMissing
from vtacli.progress import Note, Report, ignore
from vtacli.store.connection import Interrupted, check_url
from vtacli.store.transfer import Patience

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class HubFile:
    """``url`` names the commit ``revision``, so that what it leads to does not change.

    ``sha256`` of large files, ``git_sha1`` (of git's blob) of small ones, as the hub has them.
    ``secret``: headers for the hub alone.
    """

    url: str
    revision: str
    size: int | None
    sha256: str | None
    git_sha1: str | None
    secret: dict[str, str] = field(repr=False)


def look_up(
    repository: str,
    name: str,
    revision: str,
    *,
    allow_http: bool = False,
    report: Report = ignore,
    patience: Patience | None = None,
) -> HubFile:
    """Ask the hub about one file. Raises WeightsMissing, ConfigError."""
    patience = patience or Patience()
    wait, tries = patience.wait_s, 0
    while True:
        try:
            return _asked(repository, name, revision, allow_http)
        except Interrupted as broken:
            tries += 1
            pause = wait if broken.wait_s is None else broken.wait_s
            if tries >= patience.tries or pause > patience.longest_wait_s:
                asked = f" and asks to wait for {pause:.0f} s" if broken.wait_s else ""
                raise WeightsMissing(
                    f"{repository}: {broken}{asked}.",
                    hint="Try again later, or name a mirror with HF_ENDPOINT or --mirror.",
                ) from broken
            report(Note(f"{repository}: {broken}; again in {pause:.0f} s", "detail"))
            patience.sleep(pause)
            wait *= 2


def _asked(repository: str, name: str, revision: str, allow_http: bool) -> HubFile:
    # imported here: the client is slow to import, and no other command needs it
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
    )

    where = f"{repository}@{revision}/{name}"
    try:
        # The client reads this once, when it is imported: too early for a program that sets it.
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        url = hf_hub_url(repository, name, revision=revision, endpoint=endpoint)
        check_url(url, allow_http=allow_http)
        token = get_token()
        found = get_hf_file_metadata(
            url, token=token or False, timeout=_TIMEOUT_S, endpoint=endpoint
        )
    except VtaError:
        raise
    except OfflineModeIsEnabled as error:
        raise offline_error() from error
    except HFValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    except GatedRepoError as error:
        raise WeightsMissing(
            f"{where}: its owners let only some in.",
            hint="Accept its terms on its page, then log in with `hf auth login`.",
        ) from error
    except HfHubHTTPError as error:
        raise _answered(error, where) from error
    except Exception as error:  # whatever the client's own client raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Interrupted(f"the hub cannot be reached: {reason}") from error
    tag = (found.etag or "").lower()
    commit = found.commit_hash or revision
    return HubFile(
        url=hf_hub_url(repository, name, revision=commit, endpoint=endpoint),
        revision=commit,
        size=found.size,
        sha256=tag if re.fullmatch(r"[0-9a-f]{64}", tag) else None,
        git_sha1=tag if re.fullmatch(r"[0-9a-f]{40}", tag) else None,
        secret={"Authorization": f"Bearer {token}"} if token else {},
    )


def offline_error() -> WeightsMissing:
    """For a pull on a machine that is told to be offline."""
    return WeightsMissing(
        "HF_HUB_OFFLINE is set, so nothing is fetched.",
        hint="Unset it, or bring the model as a file: `vta models import`.",
    )


def _answered(error: Exception, where: str) -> Exception:
    from vtacli.store.connection import waiting_time

    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0) or 0)
    if status in (408, 425, 429) or status >= 500 or not status:
        asked = response.headers.get("Retry-After") if response is not None else None
        return Interrupted(f"the hub answers {status}", waiting_time(asked))
    if status in (401, 403):
        return WeightsMissing(
            f"{where}: the hub does not show it ({status}).",
            hint="It does not exist, or `hf auth login` is needed.",
        )
    return WeightsMissing(f"{where}: the hub has no such file ({status}).")
