"""Runs the unit tests of sip and route in this process and proves that they tested compiled code.

Started by scripts/test in a copy of the tree that mypyc has compiled, with the copy's src first on
the path. Exits non-zero when a test fails, when none ran, or when a module that should be compiled
was imported from its Python source after all.
"""

import sys

import pytest

COMPILED = ("callrouter.sip", "callrouter.route", "callrouter.errors")


def main() -> int:
    """Give the exit code: pytest's, or 1 when plain Python was tested."""
    options = ["-p", "no:cacheprovider", "--hypothesis-profile", "many"]
    code = int(pytest.main([*options, "tests/unit/sip", "tests/unit/route"]))
    files = {
        name: str(module.__file__)
        for name, module in sorted(sys.modules.items())
        if name.startswith(COMPILED)
    }
    plain = [name for name, file in files.items() if not file.endswith(".so")]
    if plain or not files:
        sys.stderr.write(f"not compiled: {', '.join(plain) or 'nothing was imported'}\n")
        return 1
    sys.stderr.write(f"{len(files)} compiled modules were tested\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
