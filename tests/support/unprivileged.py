"""Media workers of a test run as another user when we are root, as they should anywhere."""

import os
import tempfile
from pathlib import Path
from typing import Final

_USER: Final = "nobody"

_MEDIA: Final = """\
media:
  workers: {{min: {least}, max: {most}}}
  ports: {ports}
  prompts_cache: {shared}/prompts
  voicemail: {shared}/voicemail
  recordings: {shared}/recordings
"""


def media_settings(shared: Path, least: int, most: int, ports: str) -> str:
    """The settings of a pool. shared: see `shared_folder`; ports: such as 17000-18999."""
    settings = _MEDIA.format(least=least, most=most, ports=ports, shared=shared)
    return settings if os.geteuid() else f"{settings}  user: {_USER}\n"


def shared_folder() -> Path:
    """A new folder that any user can come to, which those of pytest are not; to be removed."""
    folder = Path(tempfile.mkdtemp(prefix="callrouter-media-"))
    folder.chmod(0o755)
    return folder
