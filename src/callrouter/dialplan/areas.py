"""Areas by name: which beginnings of numbers belong to Guangdong, or 广东.

Theory: `phonenumbers` names the area of each known beginning, such as "Zhuhai, Guangdong" or
"广东省珠海市". A name that stands last anywhere ("..., Guangdong") is that of a region and means
all of it; any other name means the places that have it as a part.
"""

import functools
import re
from typing import Final

import phonenumbers

from callrouter.dialplan.callers import international_prefix
from callrouter.dialplan.screens import LISTED
from callrouter.route import numbers
from callrouter.route.areas import Area, Country

_ENGLISH: Final = "en"
# What ends the parts of a Chinese name: province, region, city, prefecture, area, league.
_PARTS: Final = re.compile(r"(.+?)(省|自治区|市|自治州|地区|盟|县|$)[、]?")
_BARE: Final = ("内蒙古", "广西", "宁夏", "新疆", "西藏")


class Names:
    """The areas of a country. regions: the names of its regions, for suggestions."""

    def __init__(self, country: str) -> None:
        code = str(numbers.country_code(country))
        places = _places(code)
        # By name, what begins the numbers there: of regions, and of all places.
        self._regions: dict[str, set[str]] = {}
        self._parts: dict[str, set[str]] = {}
        for begins, names in places.items():
            for chain in names:
                if len(chain) > 1:
                    self._regions.setdefault(chain[-1], set())
                for part in {*chain, ", ".join(chain)}:
                    self._parts.setdefault(part, set()).add(begins)
        for begins, names in places.items():
            for chain in names:
                if chain[-1] in self._regions:
                    self._regions[chain[-1]].add(begins)
        self.regions = tuple(self._regions)
        lengths = sorted({len(begins) for begins in places})
        # Each beginning that lies inside others, with these.
        self._inside = [
            (begins, outer)
            for begins in places
            if (outer := [begins[:n] for n in lengths if n < len(begins) and begins[:n] in places])
        ]
        self._areas: dict[str, Area] = {}

    def area(self, name: str) -> Area | None:
        """Return the area of a name, None when no place has it."""
        bare = _bare(name)
        found = self._regions.get(bare) or self._parts.get(bare)
        if found is None:
            return None
        area = self._areas.get(name)
        if area is None:
            marks = dict.fromkeys(found, True)
            for begins, outer in self._inside:
                if begins not in found and not found.isdisjoint(outer):
                    marks[begins] = False
            area = self._areas[name] = Area(name, marks)
        return area


@functools.cache
def names_of(country: str) -> Names:
    """Return the areas of a country. The first call reads the numbering database: a second."""
    return Names(country)


def area(text: str, country: str) -> Area | Country | None:
    """Read an area of `areas:`; None when there is none of that name."""
    if LISTED.fullmatch(text) is not None:
        known = phonenumbers.PhoneMetadata.metadata_for_region(country)
        trunk = (known.national_prefix or "") if known is not None else ""
        code = str(numbers.country_code(country))
        return Area(text, {international_prefix(text, code, trunk): True})
    if text in phonenumbers.SUPPORTED_REGIONS:
        return Country(text)
    return names_of(country).area(text)


def _places(code: str) -> dict[str, list[tuple[str, ...]]]:
    """Return the names of each known beginning, one for each language, the smallest place first."""
    # Loaded only when a dialplan names an area: it takes 100 MB.
    from phonenumbers.geodata import GEOCODE_DATA  # noqa: PLC0415

    chains: dict[str, tuple[str, ...]] = {}
    found = {}
    for begins, names in GEOCODE_DATA.items():
        if begins.startswith(code):
            found[begins] = [
                chains.setdefault(name, _chain(language, name)) for language, name in names.items()
            ]
    return found


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
