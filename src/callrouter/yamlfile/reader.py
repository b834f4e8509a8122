"""Reader of a file that ops wrote: plain data with the place of every value.

A mistake in the YAML itself ends the reading; duplicate keys are collected on the way.
"""

import codecs
import errno
import gc
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import yaml

from callrouter.errors import ConfigError, Diagnostic
from callrouter.yamlfile import bulk as pieces
from callrouter.yamlfile.constructor import Reader, YamlRefusedError
from callrouter.yamlfile.marked import Document
from callrouter.yamlfile.wording import in_file_order

MAX_BYTES: Final = 16 * 1024 * 1024

_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_TAB_INDENT: Final = re.compile(r"^ *\t", re.MULTILINE)

# What libyaml says, and what an ops person can do about it.
_PROBLEMS: Final = {
    "mapping values are not allowed": "found ':' where none is expected; "
    "check the indentation, or put the text in quotes",
    "did not find expected key": "expected a key here; check the indentation of this line",
    "did not find expected '-' indicator": "expected '- ' here; check the indentation of this line",
    "could not find expected ':'": "expected ':' after the key",
    "did not find expected ',' or ']'": "expected ',' or ']'; the list is not closed",
    "did not find expected ',' or '}'": "expected ',' or '}'; the mapping is not closed",
    "found unexpected end of stream": "the quoted text that starts here is not closed",
    "found unknown escape character": "unknown escape in a quoted text; write \\\\ for a backslash",
    "cannot start any token": "found a character that no value may start with; "
    "put the text in quotes",
}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage while a file is read and compiled.

    What is made then is needed to the end and has no cycles worth looking for; the collector would
    look at a million objects over and over, which takes a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def load(path: Path) -> Document:
    """Read a YAML file. Raises ConfigError when it cannot be read or is not YAML as used here."""
    file = str(path)
    try:
        with _opened(path) as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problem = Diagnostic(f"cannot be read: {error.strerror}", file)
        raise ConfigError([problem]) from error
    return load_draft(raw, file)


def load_draft(raw: bytes, file: str) -> Document:
    """Read what is to stand in a YAML file, from its bytes. Raises ConfigError as load() does."""
    if len(raw) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MB"
        raise ConfigError([Diagnostic(limit, file, 1, 1)])
    return parse(_decode(raw.removeprefix(codecs.BOM_UTF8), file), file)


def top_level_text(path: Path, key: str) -> str:
    """Read one value at the top of a file, "" when there is none, and no further than to it.

    Reading a dialplan of 100,000 numbers takes seconds. Raises ConfigError as `load` does.
    """
    depth = 0
    expects_key = wanted = False
    try:
        with _opened(path) as stream:
            for event in yaml.parse(stream, Loader=yaml.CSafeLoader):
                if isinstance(event, yaml.CollectionEndEvent):
                    depth -= 1
                elif isinstance(event, yaml.NodeEvent):
                    if depth == 1 and wanted:
                        return str(event.value) if isinstance(event, yaml.ScalarEvent) else ""
                    if depth == 1:
                        wanted = expects_key and getattr(event, "value", None) == key
                        expects_key = not expects_key
                    elif not depth:
                        expects_key = isinstance(event, yaml.MappingStartEvent)
                        if not expects_key:
                            return ""
                    depth += isinstance(event, yaml.CollectionStartEvent)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        load(path)  # says what is wrong
    return ""


def _opened(path: Path) -> BinaryIO:
    """Open a file to be read. Raises OSError, also for a pipe or a device, which may never end."""
    # O_NONBLOCK: a pipe would not even open before somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a file, found a folder, a pipe or a device")
    return os.fdopen(descriptor, "rb")


@collector_paused()
def parse(text: str, file: str) -> Document:
    """Read YAML from a text; file is the name for messages. Raises ConfigError as load() does."""
    _check_characters(text, file)
    document = pieces.read(text, file)
    if document is not None:
        return document
    reader = Reader(text, file, {})
    try:
        return Document(file=file, data=reader.document(), repeated=reader.repeated)
    except YamlRefusedError as refused:
        found = Diagnostic(refused.message, file, refused.place.line, refused.place.column)
    except yaml.YAMLError as error:
        found = _translate(error, file)
    raise in_file_order([*reader.repeated, found])


def _decode(raw: bytes, file: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        message = f"expected UTF-8 text, found the byte 0x{raw[error.start]:02X}"
        raise _at(message, before, file) from error


def _check_characters(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is not None:
        message = f"found the control character U+{ord(found[0]):04X}; remove it"
        raise _at(message, text[: found.start()], file)
    found = _TAB_INDENT.search(text)
    if found is not None:
        raise _at("found a tab; indent with spaces", text[: found.end() - 1], file)


def _at(message: str, before: str, file: str) -> ConfigError:
    """Make the error for the character that follows `before`."""
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return ConfigError([Diagnostic(message, file, line, column)])


def _translate(error: yaml.YAMLError, file: str) -> Diagnostic:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Diagnostic(f"not YAML: {error}", file, 1, 1)
    problem = error.problem or "cannot be read"
    message = f"not YAML: {problem}"
    for said, meant in _PROBLEMS.items():
        if said in problem:
            message = meant
    mark = error.problem_mark
    if "end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark  # where the quotes open, not where the file ends
    return Diagnostic(message, file, mark.line + 1, mark.column + 1)
