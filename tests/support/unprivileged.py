"""Media workers of a test run as another user when we are root, as they should anywhere."""

import os
import tempfile
from pathlib import Path
from typing import Final

from support.ports import rtp_ports

_USER: Final = "nobody"

_MEDIA: Final = """\
media:
  workers: {{min: {least}, max: {most}}}
  ports: {first}-{last}
  prompts_cache: {shared}/prompts
  voicemail: {shared}/voicemail
  recordings: {shared}/recordings
"""


def media_settings(shared: Path, least: int, most: int) -> str:
    """The settings of a pool. shared: see `shared_folder`."""
    first, last = rtp_ports()
    settings = _MEDIA.format(least=least, most=most, first=first, last=last, shared=shared)
    return settings if os.geteuid() else f"{settings}  user: {_USER}\n"


def shared_folder() -> Path:
    """A new folder that any user can come to, which those of pytest are not; to be removed."""
    folder = Path(tempfile.mkdtemp(prefix="callrouter-media-"))
    folder.chmod(0o755)
    return folder
