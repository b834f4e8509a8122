"""The typed Python client of the API: generated from its description, and used by a program."""

import subprocess
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final

from support.polling import PATIENCE
from support.web_console import Browser

_NAME: Final = "callrouter_client"
_FILE: Final = "openapi.json"
_CONFIG: Final = "client.yaml"


def generated(person: Browser, folder: Path) -> "TypedClient":
    """Generate the client of what the running server describes, for a program with a token."""
    (folder / _FILE).write_bytes(person.get(f"/api/v1/{_FILE}").body)
    (folder / _CONFIG).write_text("post_hooks: []\n", encoding="utf-8")  # nobody reads its code
    command = [
        "generate",
        "--config",
        _CONFIG,
        "--path",
        _FILE,
        "--meta",
        "none",
        "--output-path",
        _NAME,
    ]
    process = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *command, "--fail-on-warning"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    spec = spec_from_file_location(_NAME, folder / _NAME / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules[_NAME] = module_from_spec(spec)
    spec.loader.exec_module(package)
    return TypedClient(package, person)


class TypedClient:
    """The client. operations: its modules, by the names of the operations. models: its classes."""

    def __init__(self, package: Any, person: Browser) -> None:
        rooms = [
            import_module(f"{_NAME}.api.{room.name}")
            for room in iter_modules(import_module(f"{_NAME}.api").__path__)
        ]
        self.operations = {
            one.name: import_module(f"{room.__name__}.{one.name}")
            for room in rooms
            for one in iter_modules(room.__path__)
        }
        self.models: Any = import_module(f"{_NAME}.models")
        self._client = package.AuthenticatedClient(
            base_url=person.origin,
            token=person.bearer,
            raise_on_unexpected_status=True,
            timeout=PATIENCE,
        )

    def ask(self, operation: str, **values: Any) -> Any:
        """Do one operation; its answer has status_code, headers, and what was `parsed`."""
        return self.operations[operation].sync_detailed(client=self._client, **values)
