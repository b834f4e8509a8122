"""Random numbers that are the same each time: all that is drawn follows from a seed.

The generator is SplitMix64 (Steele, Lea and Flood, 2014).
"""

from collections.abc import Sequence
from typing import Final

_BITS: Final = (1 << 64) - 1


class Dice:
    """A random number generator: one number after the other, from a seed."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _BITS

    def below(self, limit: int) -> int:
        """Draw one of 0 to limit - 1; limit is small, so that the remainder is fair enough."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _BITS
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _BITS
        return (mixed ^ (mixed >> 31)) % limit

    def order(self, weights: Sequence[int]) -> list[int]:
        """Draw an order of the positions of weights: the heavier, the more often early."""
        left = list(range(len(weights)))
        total = sum(weights)
        drawn = []
        while left:
            mark = self.below(total)
            place = 0
            while mark >= weights[left[place]]:
                mark -= weights[left[place]]
                place += 1
            position = left.pop(place)
            total -= weights[position]
            drawn.append(position)
        return drawn
