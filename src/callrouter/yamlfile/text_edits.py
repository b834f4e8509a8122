"""Edits of a YAML text that change one value and leave every other byte as people wrote it.

Values are YAML already. The text is read only for where its parts stand, so comments, quotes and
the way that it is laid out stay. Whoever edits has the outcome checked.
"""

from collections.abc import Sequence
from typing import Final

import yaml

from callrouter.errors import CallrouterError

_EMPTY: Final = frozenset(("", "~", "null"))


class TextEditError(CallrouterError):
    """An edit that cannot be made by itself."""


def with_value(text: str, path: Sequence[str], key: str, value: str) -> str:
    """Give a key of the mapping at a path another scalar. Raises TextEditError."""
    mapping = _mapping(text, path)
    found = _value(mapping, key)
    if isinstance(found, yaml.ScalarNode):
        begin, end = found.start_mark.index, found.end_mark.index
        return text[:begin] + " " * (begin == end) + value + text[end:]
    if found is not None:
        raise TextEditError(f"{_shown(path)}: {key} has more than a value")
    begin = mapping.start_mark.index
    if mapping.flow_style:
        comma = ", " if mapping.value else ""
        return f"{text[: begin + 1]}{key}: {value}{comma}{text[begin + 1 :]}"
    indent = " " * mapping.start_mark.column
    return f"{text[:begin]}{key}: {value}\n{indent}{text[begin:]}"


def with_item(text: str, path: Sequence[str], key: str, item: str) -> str:
    """Add an item to a list at the end. Raises TextEditError."""
    found = _value(_mapping(text, path), key)
    if found is None or (isinstance(found, yaml.ScalarNode) and found.value in _EMPTY):
        return with_value(text, path, key, f"[{item}]")
    listed = _list(found, path, key)
    items: list[yaml.Node] = listed.value
    if listed.flow_style:
        at = items[-1].end_mark.index if items else listed.start_mark.index + 1
        return f"{text[:at]}{', ' if items else ''}{item}{text[at:]}"
    begin, indent = listed.start_mark.index, " " * listed.start_mark.column
    last = items[-1]
    if _is_inline(last):
        at = text.find("\n", last.end_mark.index)
        at = len(text) if at < 0 else at
        return f"{text[:at]}\n{indent}- {item}{text[at:]}"
    # Where a block ends, the reader does not say; where it begins, it does.
    return f"{text[:begin]}- {item}\n{indent}{text[begin:]}"


def without_item(text: str, path: Sequence[str], key: str, name: str, named_by: str) -> str:
    """Remove an item of a list; named_by: the key that says a mapping's. Raises TextEditError."""
    found = _value(_mapping(text, path), key)
    listed = _list(found, path, key)
    items: list[yaml.Node] = listed.value
    index = next((at for at, item in enumerate(items) if _named(item, named_by) == name), None)
    if index is None:
        raise TextEditError(f"{_shown(path)}: {key} has no {name}")
    if len(items) == 1:
        raise TextEditError(f"{_shown(path)}: {name} is the last one of {key}")
    if listed.flow_style:
        begin = items[index - 1].end_mark.index if index else items[0].start_mark.index
        end = items[index].end_mark.index if index else items[1].start_mark.index
        return text[:begin] + text[end:]
    begin = text.rfind("\n", 0, items[index].start_mark.index) + 1
    if index + 1 < len(items):
        end = text.rfind("\n", 0, items[index + 1].start_mark.index) + 1
    elif _is_inline(items[index]):
        end = text.find("\n", items[index].end_mark.index) + 1 or len(text)
    else:
        raise TextEditError(f"{_shown(path)}: {name} has several lines: edit the text")
    return text[:begin] + text[end:]


def without_key(text: str, path: Sequence[str], key: str) -> str:
    """Remove a key of a mapping with its value, and the lines that are theirs.

    Raises TextEditError.
    """
    mapping = _mapping(text, path)
    pairs: list[tuple[yaml.Node, yaml.Node]] = mapping.value
    at = next((at for at, (name, _) in enumerate(pairs) if name.value == key), None)
    if at is None:
        raise TextEditError(f"{_shown(path)} has no {key}")
    name, value = pairs[at]
    begin = name.start_mark.index
    if mapping.flow_style:
        if at:
            return text[: pairs[at - 1][1].end_mark.index] + text[value.end_mark.index :]
        end = pairs[1][0].start_mark.index if len(pairs) > 1 else value.end_mark.index
        return text[:begin] + text[end:]
    begin = text.rfind("\n", 0, begin) + 1
    last = value.value[-1] if isinstance(value, yaml.SequenceNode) and value.value else value
    if text[begin : name.start_mark.index].strip() or not _is_inline(last):
        raise TextEditError(f"{_shown(path)}: {key} has several lines: edit the text")
    return text[:begin] + text[text.find("\n", last.end_mark.index) + 1 or len(text) :]


def keys_of(text: str, path: Sequence[str]) -> list[str]:
    """The keys of the mapping at a path. Raises TextEditError."""
    return [name.value for name, _ in _mapping(text, path).value]


def scalars_of(text: str, path: Sequence[str], key: str) -> list[str]:
    """What a key says: its scalar, or the scalars of its list; none when it is not there.

    Raises TextEditError.
    """
    found = _value(_mapping(text, path), key)
    items = found.value if isinstance(found, yaml.SequenceNode) else [found]
    return [item.value for item in items if isinstance(item, yaml.ScalarNode)]


def _mapping(text: str, path: Sequence[str]) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise TextEditError("the file has mistakes: mend them first") from error
    for name in path:
        node = _value(node, name)
    if not isinstance(node, yaml.MappingNode):
        raise TextEditError(f"the file has no {_shown(path)} of its own")
    return node


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _list(node: yaml.Node | None, path: Sequence[str], key: str) -> yaml.SequenceNode:
    if not isinstance(node, yaml.SequenceNode):
        raise TextEditError(f"{_shown(path)}: {key} is no list")
    return node


def _is_inline(node: yaml.Node) -> bool:
    """Whether a node ends where the reader says."""
    return not isinstance(node, yaml.CollectionNode) or bool(node.flow_style)


def _named(item: yaml.Node, key: str) -> str:
    named = _value(item, key) if isinstance(item, yaml.MappingNode) else item
    return named.value if isinstance(named, yaml.ScalarNode) else ""


def _shown(path: Sequence[str]) -> str:
    return " ".join(path)
