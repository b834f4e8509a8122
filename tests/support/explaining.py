"""What `callrouter explain` says of a call, held against what became of it."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from click.testing import CliRunner

from callrouter.cli import main
from callrouter.route.values.facts import Facts


def explained(facts: Facts, *options: str) -> dict[str, Any]:
    """What the command says of a call. options: which dialplan, what is down."""
    moment = datetime.fromtimestamp(facts.at, UTC).isoformat()
    extension = f";ext={facts.to_ext}" if facts.to_ext else ""
    argv = ["explain", "--json", *options, "--trunk", facts.trunk, "--at", moment]
    argv += [f"--from={facts.caller}", f"--to={facts.called}"]
    argv += [f"--to-header=<sip:{quote(facts.to_user, safe='')}@192.0.2.254{extension}>"]
    result = CliRunner().invoke(main, argv, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def agree(said: dict[str, Any], record: dict[str, Any]) -> None:
    """The record tells what was said before."""
    assert record["trace"] == said["trace"]
    assert (record["number"], record["dialplan"]) == (said["number"], said["dialplan"])
    rung = [leg["target"] for leg in record["legs"]]
    places = [target["name"] for target in said["targets"]]
    assert rung[:1] == places[:1]
    left = iter(places)
    # A step that is for other results of the target before is passed over.
    assert all(name in left for name in rung), (rung, places)
    if record["disposition"] == "ANSWERED":
        assert record["reason"] == ""
    elif not rung:
        assert (record["reason"], record["status"]) == (said["reason"], said["final"])
    elif said["reason"] is None:
        assert record["reason"] == "no_target_left"
    else:
        # A target's answer that ends the call (`stop_on`) is passed on, whatever the plan says.
        answers = {("no_target_left", leg["status"]) for leg in record["legs"]}
        given = (record["reason"], record["status"])
        assert given in answers or given == (said["reason"], said["final"])
