"""All lists of a dialplan, and the files they are read from."""

from dataclasses import dataclass, field
from pathlib import Path

from callrouter.dialplan.areas.list_files import ListBuilder
from callrouter.dialplan.check.validation import Checker
from callrouter.route.callers.number_lists import NumberList
from callrouter.yamlfile.wording import shown


@dataclass(slots=True, kw_only=True)
class Lists:
    """Lists of a dialplan. built: by name. files: all that were read. digests: of contents."""

    built: dict[str, NumberList] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


def read_lists(checker: Checker, file: str, country: str) -> Lists:
    """Build the lists of a dialplan file; what is wrong is noted with the checker."""
    lists = Lists()
    if not country:
        return lists
    folder = Path(file).parent
    for name, entry in checker.lists.items():
        builder = ListBuilder(country)
        builder.add(entry)
        if entry.file is not None:
            _read(builder, checker, folder / entry.file, folder, name)
            lists.files.append(str(folder / entry.file))
            lists.digests.append(builder.digest)
        lists.built[name] = builder.build(name)
    return lists


def _read(builder: ListBuilder, checker: Checker, path: Path, folder: Path, name: str) -> None:
    place = ("lists", name, "file")
    message = misplaced(path, folder)
    if message:
        checker.mistakes.at_value(place, message)
        return
    try:
        builder.read(path)
    except OSError as error:
        checker.mistakes.at_value(place, unreadable(path, error))
        return
    for mistake in builder.mistakes:
        checker.mistakes.elsewhere(mistake)


def misplaced(path: Path, folder: Path) -> str:
    """Say why a file that a dialplan names is not read; "" when it is. folder: the dialplan's."""
    if not path.resolve().is_relative_to(folder.resolve()):
        return f"expected a file in the folder of the dialplan, found {shown(str(path))}"
    if path.exists() and not (path.is_file() or path.is_dir()):
        return f"expected a file, found a device or pipe: {shown(str(path))}"
    return ""


def unreadable(path: Path, error: OSError) -> str:
    """Say that a file that a dialplan names cannot be read."""
    return f"{shown(str(path))} cannot be read: {error.strerror}"
