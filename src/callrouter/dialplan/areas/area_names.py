"""Areas by name: which beginnings of numbers belong to Guangdong, or 广东.

Theory: `phonenumbers` names the area of each known beginning, such as "Zhuhai, Guangdong" or
"广东省珠海市". A name that stands last anywhere ("..., Guangdong") is that of a region and means
all of it; any other name means the places that have it as a part.
"""

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

import phonenumbers

from callrouter.dialplan.areas.list_files import international_prefix
from callrouter.dialplan.grammar.call_screening import LISTED
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.geographic_areas import Area, Country

# What ends the parts of a Chinese name: province, region, city, prefecture, area, league.
_PARTS: Final = re.compile(r"(.+?)(省|自治区|市|自治州|地区|盟|县|$)[、]?")
_BARE: Final = ("内蒙古", "广西", "宁夏", "新疆", "西藏")


class AreaNames:
    """The areas of a country. regions: the names of its regions.

    known: names for suggestions, of regions, or of all places where the data tells of no regions.
    """

    def __init__(self, country: str) -> None:
        # By the parts of a name, what begins the numbers there. Few names have many beginnings.
        self._chains: dict[tuple[str, ...], list[str]] = {}
        begins_of: list[str] = []
        names: dict[str, list[str]] = {}
        for begins, by_language in _places(str(numbers.country_code(country))):
            begins_of.append(begins)
            for language, name in by_language.items():
                known = names.get(name)
                if known is None:
                    known = self._chains.setdefault(_chain(language, name), [])
                    names[name] = known
                known.append(begins)
        self._begins = sorted(begins_of)
        self.regions = tuple(dict.fromkeys(chain[-1] for chain in self._chains if len(chain) > 1))
        self.known = self.regions or tuple(chain[-1] for chain in self._chains)
        self._areas: dict[str, Area] = {}

    def area(self, name: str) -> Area | None:
        """Return the area of a name, None when no place has it."""
        area = self._areas.get(name)
        if area is None:
            found = self._found(_bare(name))
            if not found:
                return None
            marks = dict.fromkeys(found, True)
            for begins in found:
                for inside in self._inside(begins):
                    marks.setdefault(inside, False)
            area = self._areas[name] = Area(name=name, marks=marks)
        return area

    def _found(self, name: str) -> list[str]:
        """Return the beginnings of a region, or else of all places with a part of that name."""
        region = name in self.regions
        return [
            begins
            for chain, all_of_it in self._chains.items()
            if (chain[-1] == name if region else name in chain or name == ", ".join(chain))
            for begins in all_of_it
        ]

    def _inside(self, begins: str) -> Iterator[str]:
        """Give the beginnings that lie inside another one."""
        for place in range(bisect_right(self._begins, begins), len(self._begins)):
            inside = self._begins[place]
            if not inside.startswith(begins):
                break
            yield inside


@functools.cache
def names_of(country: str) -> AreaNames:
    """Return the areas of a country. The first call reads the numbering database: a second."""
    return AreaNames(country)


def area(text: str, country: str) -> Area | Country | None:
    """Read an area of `areas:`; None when there is none of that name."""
    if LISTED.fullmatch(text) is not None:
        return Area(name=text, marks={international_prefix(text, country): True})
    if text in phonenumbers.SUPPORTED_REGIONS:
        return Country(name=text)
    return names_of(country).area(text)


def _places(code: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give each known beginning with its names by language.

    The data stands in modules of a few megabytes. Together, as `GEOCODE_DATA`, they take 170 MB; so
    those with a key of this code are read here one by one, and only when a dialplan names an area.
    """
    key = f"'{code}".encode()
    for path in sorted(Path(phonenumbers.__file__).parent.glob("geodata/data*.py")):
        if key not in path.read_bytes():
            continue
        spec = spec_from_file_location(f"phonenumbers.geodata.{path.stem}", path)
        assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - a file of Python
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        for begins, names in module.data.items():
            if begins.startswith(code):
                yield begins, names


def _chain(language: str, name: str) -> tuple[str, ...]:
    """Split the name of a place: the smallest first, the region last."""
    if language != "zh":
        return tuple(part for whole in name.split(", ") for part in whole.split("/"))
    rest = name
    head = next((bare for bare in _BARE if name.startswith(bare)), "")
    parts = [head] if head else []
    rest = name[len(head) :].removeprefix("自治区")
    parts += [found[1] for found in _PARTS.finditer(rest)]
    return tuple(reversed(parts))


def _bare(name: str) -> str:
    """Leave out what says only which kind of place it is: 广东省 is 广东."""
    bare = _PARTS.fullmatch(name)
    return bare[1] if bare is not None and not name.isascii() else name
