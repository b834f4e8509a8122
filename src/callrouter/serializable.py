"""Values that one process can hand to another: those of a compiled dialplan.

What a reload has compiled comes back as pickles. Of a class that mypyc has compiled it can be none
unless the class says so: its `__new__` asks for all that its `__init__` does. One whose `__init__`
is written by hand has to allow interpreted subclasses as well, of which there are none: mypyc 2.4
leaves it to `__new__`, which does not call it any more, to initialize all others.
"""

from mypy_extensions import mypyc_attr


@mypyc_attr(serializable=True, allow_interpreted_subclasses=True)
class Serializable:
    """The base of a value that can be pickled, and copied, whether it is compiled or not."""

    __slots__ = ()
