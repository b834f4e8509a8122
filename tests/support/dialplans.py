"""Valid dialplans drawn by chance, and calls and states to try them with."""

import json
from random import Random
from typing import Any, Final

from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import Override, Snapshot

Drawn = dict[str, Any]

ZONES: Final = ("Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe")
NUMBERS: Final = ("4000", "4001", "+86756", "02012345678", "4008001001", "95588", "0898777")
KEYS: Final = (*NUMBERS, "40*", "400x", "4xx1", "+8620*", "0756*", "1xxxx", "*")
CALLERS: Final = (
    *("13800138000", "+8613800138000", "008613800138000", "02087654321", "+862087654321"),
    *("089866660000", "+14155550123", "0014155550123", "+84912345678", "4001", "101", ""),
    *("anonymous", "alice", "j%b", "a b", "李", "+", "1" * 40, "sip:x", "a;b=c"),
)
CALLED: Final = (
    *("4000", "4001", "4009", "4091", "+8675612", "0756123456", "02012345678", "+862012345678"),
    *(
        "862012345678",
        "4008001001",
        "95588",
        "08987771",
        "12345",
        "nobody",
        "#21#",
        "40 0",
        "4000a",
    ),
)
NAMED: Final = ("101", "102", "103", "109", "ext")
AREAS: Final = ("Guangdong", "0756", "0898", "CN", "US", "Hainan", "广东省")
COUNTRIES: Final = ("CN", "US", "VN", "DE")
ON: Final = ("busy", "no_answer", "unreachable", "rejected")
SOURCES: Final = {"one": "10.1.0.0/16", "two": "10.2.0.0/16", "three": "2001:db8::/32"}

# From Friday 2026-02-13 on: weekends, the Spring Festival, and both changes of daylight time.
FIRST: Final = 1_770_940_800
LAST: Final = FIRST + 270 * 86_400


def written(plan: Drawn) -> str:
    """A dialplan as the text of a file. JSON is YAML, and quotes whatever is text."""
    return json.dumps(plan, indent=1, ensure_ascii=False)


class Dialplans:
    """Draws dialplans; the dice decide everything."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def draw(self) -> Drawn:
        """A dialplan as plain data, which compiles."""
        dice = self._dice
        gateways = {f"g{index}": {"address": f"192.0.2.{index + 1}"} for index in range(2)}
        self._targets = [f"t{index}" for index in range(dice.randint(2, 5))]
        self._lists = [f"l{index}" for index in range(dice.randint(1, 3))]
        self._schedules = [f"s{index}" for index in range(dice.randint(1, 3))]
        self._flat = ["flat"]
        self._groups = ["flat", "deep", "turns"]
        plan: Drawn = {
            "country": "CN",
            "timezone": dice.choice(ZONES),
            "trunks": self._trunks(),
            "gateways": gateways,
            "targets": {name: self._target(name) for name in self._targets},
            "extensions": {str(101 + index): self._extension() for index in range(3)},
            "groups": self._group_entries(),
            "schedules": {name: self._schedule() for name in self._schedules},
            "lists": {name: self._list() for name in self._lists},
            "allow": self._some(self._lists, 0.15),
            "block": self._some(self._lists, 0.2),
            "numbers": {
                key: self._number() for key in dice.sample(KEYS, dice.randint(2, len(KEYS)))
            },
        }
        if self._hit(0.2):
            plan["auto_block"] = self._auto_block()
        if self._hit(0.3):
            plan["backup"] = self._rung()
        if self._hit(0.3):
            plan["reasons"] = {
                "unknown_number": {"status": 410},
                "over_limit": {"status": 503, "cause": 34},
            }
        return plan

    def _hit(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _some(self, names: list[str], chance: float) -> list[str]:
        return [name for name in names if self._hit(chance)]

    def _trunks(self) -> Drawn:
        trunks: Drawn = {}
        for name, network in SOURCES.items():
            trunks[name] = {"addresses": [network]}
            if self._hit(0.2):
                trunks[name]["lines"] = self._dice.randint(1, 3)
            if self._hit(0.2):
                trunks[name]["country"] = "US"
            if self._hit(0.2):
                trunks[name]["called"] = "to"
        return trunks

    def _target(self, name: str) -> Drawn:
        if self._hit(0.4):
            return {"number": f"0{name[1:]}", "via": self._dice.choice(("g0", "g1"))}
        target: Drawn = {"uri": f"sip:{name}@192.0.2.{self._dice.randint(10, 12)}"}
        if self._hit(0.3):
            target["ring"] = "7s"
        return target

    def _extension(self) -> Drawn:
        extension: Drawn = {"targets": [self._dice.choice(self._targets)]}
        if self._hit(0.5):
            extension["lines"] = self._dice.randint(1, 2)
        return extension

    def _group_entries(self) -> Drawn:
        dice = self._dice
        return {
            "flat": {"hunt": dice.sample(self._targets, 2), "strategy": "parallel"},
            "deep": {"hunt": ["flat", dice.choice(self._targets)], **self._options(["flat"])},
            "turns": {"hunt": dice.sample(self._targets, 2), "strategy": "round_robin"},
        }

    def _options(self, groups: list[str]) -> Drawn:
        """Options of a hunt that holds these groups."""
        kinds = ["sequential", "round_robin", "random"]
        if set(groups) <= set(self._flat):
            kinds += ["parallel", "staggered"]
        options: Drawn = {"strategy": self._dice.choice(kinds)}
        if options["strategy"] == "staggered":
            options["every"] = "2s"
        if self._hit(0.4):
            options["ring"] = f"{self._dice.randint(1, 9)}s"
        if self._hit(0.2):
            options["total"] = "12s"
        if self._hit(0.2):
            options["stop_on"] = self._dice.sample([486, 404, 603], 2)
        return options

    def _rung(self) -> list[str]:
        dice = self._dice
        return dice.sample([*self._targets, *self._groups], dice.randint(1, 3))

    def _step(self, first: bool, last: bool) -> Drawn:
        dice = self._dice
        if self._hit(0.2):
            step: Drawn = {"hunt": dice.choice(self._groups)}
        elif self._hit(0.2):
            heavy = [{"name": name, "weight": dice.randint(1, 9)} for name in self._rung()]
            step = {"hunt": heavy, "strategy": "weighted"}
        else:
            rung = self._rung()
            step = {"hunt": rung, **self._options([name for name in rung if name in self._groups])}
        if last and self._hit(0.4) and not isinstance(step["hunt"], str):
            step["final"] = dice.choice((480, 486, 503))
        if self._hit(0.5):
            is_ = dice.choice(("open", "closed"))
            step["when"] = {"schedule": dice.choice(self._schedules), "is": is_}
        if not first and self._hit(0.4):
            step["on"] = dice.sample(ON, dice.randint(1, 3))
        return step

    def _steps(self) -> list[Drawn]:
        count = self._dice.randint(1, 3)
        return [self._step(index == 0, index == count - 1) for index in range(count)]

    def _schedule(self) -> Drawn:
        dice = self._dice
        usual = [
            "Mon-Fri 08:30-12:00, 13:30-17:30",
            "Sat 09:00-12:00",
            "22:00-06:00",
            "Sun 00:00-24:00",
        ]
        schedule: Drawn = {"open": dice.sample(usual, dice.choice((0, 1, 1, 1)))}
        if self._hit(0.4):
            schedule["holidays"] = dice.choice(("CN", "US-CA", "VN"))
        if self._hit(0.3):
            schedule["closed"] = ["2026-03-01..2026-03-20"]
        if self._hit(0.3):
            schedule["days"] = {"2026-02-14": "08:30-17:30", "2026-03-08": "20:00-02:00"}
        if self._hit(0.3):
            schedule["timezone"] = dice.choice(ZONES)
        return schedule

    def _list(self) -> Drawn:
        dice = self._dice
        numbers = ["+8613800138000", "02087654321", "4001", "101"]
        prefixes = ["0898", "+1", "020", "40", "+8413"]
        return {
            "numbers": dice.sample(numbers, dice.randint(0, 2)),
            "prefixes": dice.sample(prefixes, dice.randint(0, 2)),
        }

    def _auto_block(self) -> Drawn:
        when = self._dice.choice(("always", "out_of_hours"))
        return {"calls": self._dice.randint(2, 4), "within": "10s", "for": "20s", "when": when}

    def _number(self) -> Drawn:
        dice = self._dice
        number: Drawn = {"route": self._steps(), **self._screen()}
        if self._hit(0.3):
            number["lines"] = dice.randint(1, 3)
            if self._hit(0.5):
                number["overflow"] = self._steps()
        if self._hit(0.3):
            number["to_header"] = "extensions"
        if self._hit(0.2):
            number["backup"] = self._rung()
        if self._hit(0.05):
            number["suspended"] = True
        if self._hit(0.2):
            number["reasons"] = {"blocked_caller": {"status": 603}, "no_target_left": {"cause": 3}}
        return number

    def _screen(self) -> Drawn:
        """Who may call a number."""
        dice = self._dice
        number: Drawn = {}
        for kind in ("allow", "block"):
            if self._hit(0.2):
                number[kind] = dice.sample(self._lists, 1)
        if self._hit(0.2):
            side = dice.choice(("allow", "refuse"))
            number["areas"] = {side: dice.sample(AREAS, 2)}
            if self._hit(0.5):
                number["areas"]["withheld"] = dice.choice(("allow", "refuse"))
        if self._hit(0.2):
            number["countries"] = {"allow": dice.sample(COUNTRIES, 2)}
            if self._hit(0.5):
                number["countries"]["except"] = dice.sample(self._lists, 1)
        if self._hit(0.2):
            number["auto_block"] = self._auto_block()
        return number


def drawn_facts(dice: Random) -> Facts:
    """A call on one of the trunks of any dialplan that was drawn, at a whole second."""
    trunk = dice.choice(list(SOURCES))
    source = {"one": "10.1.0.1", "two": "10.2.0.1", "three": "2001:db8::1"}[trunk]
    called = dice.choice(CALLED)
    to_user = dice.choice((called, called, *NAMED))
    to_ext = dice.choice(("", "", *NAMED))
    at = float(dice.randrange(FIRST, LAST))
    return Facts(
        trunk=trunk,
        source=source,
        caller=dice.choice(CALLERS),
        called=called,
        to_user=to_user,
        to_ext=to_ext,
        at=at,
    )


def drawn_snapshot(dice: Random, plan: Drawn, at: float) -> Snapshot:
    """A state of the moment that fits a dialplan."""
    keys = list(plan["numbers"])
    caller = dice.choice(("+8613800138000", "+862087654321", "4001", "alice", "+84912345678"))
    holds = [f"number {key}" for key in keys] + [f"trunk {name}" for name in plan["trunks"]]
    holds += [f"extension {key}" for key in plan["extensions"]]
    lines = {hold: dice.randint(1, 3) for hold in holds if dice.random() < 0.3}
    overrides = {
        name: Override(open=dice.random() < 0.5, until=dice.choice((0.0, at - 1, at + 60)))
        for name in plan["schedules"]
        if dice.random() < 0.2
    }
    blocks = {}
    if dice.random() < 0.3:
        blocks[(dice.choice(("", *keys)), caller)] = dice.choice((0.0, at - 1, at + 15))
    attempts = {(key, caller): [at - 9, at - 3] for key in keys if dice.random() < 0.3}
    down = frozenset(name for name in plan["gateways"] if dice.random() < 0.3)
    away = {key: "on leave" for key in plan["extensions"] if dice.random() < 0.2}
    turns = {name: dice.randint(0, 9) for name in ("turns", "t0")}
    seed = dice.getrandbits(32)
    return Snapshot(
        down=down,
        overrides=overrides,
        lines=lines,
        turns=turns,
        blocks=blocks,
        attempts=attempts,
        away=away,
        seed=seed,
    )
