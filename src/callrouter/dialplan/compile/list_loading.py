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
    if not path.resolve().is_relative_to(folder.resolve()):
        message = f"expected a file in the folder of the dialplan, found {shown(str(path))}"
        checker.mistakes.at_value(place, message)
        return
    if path.exists() and not (path.is_file() or path.is_dir()):
        message = f"expected a file, found a device or pipe: {shown(str(path))}"
        checker.mistakes.at_value(place, message)
        return
    try:
        builder.read(path)
    except OSError as error:
        message = f"{shown(str(path))} cannot be read: {error.strerror}"
        checker.mistakes.at_value(place, message)
        return
    for mistake in builder.mistakes:
        checker.mistakes.elsewhere(mistake)
