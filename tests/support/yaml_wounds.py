"""Wounds of a YAML file, of the kinds that people and editors make, and what is said of them."""

from collections.abc import Sequence
from random import Random

from callrouter.errors import ConfigError


def wounded(
    random: Random, whole: Sequence[str], words: Sequence[str], strange: Sequence[str]
) -> str:
    """The lines of a file with one to four wounds. words: of the file, replaced by strange ones."""
    lines = list(whole)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines))
        line = lines[at]
        cut = random.randint(0, len(line))
        match random.randrange(8):
            case 0:
                lines[at] = line[:cut] + line[cut + 1 :]
            case 1 | 2:
                lines[at] = line.replace(random.choice(words), random.choice(strange))
            case 3:
                lines[at] = line[:cut] + random.choice(strange) + line[cut:]
            case 4:
                lines[at] = line[:cut]
            case 5:
                lines[at] = random.choice([" ", "   ", "\t"]) + line
            case 6:
                lines.insert(at, line)
            case _:
                lines[at] = ""
    return "\n".join(lines)


def places(error: ConfigError) -> list[tuple[int, int]]:
    """Where the mistakes are; there is one at least, and what is said of each can be printed."""
    found = error.diagnostics
    assert found
    assert all(mistake.message.isprintable() for mistake in found)
    return [(mistake.line, mistake.column) for mistake in found]
