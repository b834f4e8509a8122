"""The openings and the end that most scripted calls share."""

from support.message import SDP, Message
from support.phone import Phone
from support.stage import Scene


async def ringing(scene: Scene) -> tuple[Phone, Phone, Message]:
    """A caller, a callee that rings, and the INVITE the callee has."""
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number)
    invite = await callee.expect("INVITE")
    callee.reply(invite, 180)
    await caller.expect(180)
    return caller, callee, invite


async def connected(scene: Scene) -> tuple[Phone, Phone]:
    """A caller and a callee that talk to each other."""
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    return caller, callee


async def hang_up(caller: Phone, callee: Phone) -> None:
    """The caller ends the call."""
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
