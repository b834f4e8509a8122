"""What is known of a call when its route is decided. All that `decide()` may look at."""


class Facts:
    """The facts of one incoming call.

    trunk: name of the trunk it came in on. source: IP address of the peer.
    caller: user part of the caller's identity as sent. called: user part of the Request-URI.
    to_user: user part of the `To:` URI. to_ext: its `ext` parameter, "" when it has none.
    at: time of the call, Unix seconds.
    """

    __slots__ = ("at", "called", "caller", "source", "to_ext", "to_user", "trunk")

    def __init__(
        self,
        trunk: str,
        source: str,
        caller: str,
        called: str,
        to_user: str = "",
        to_ext: str = "",
        at: float = 0.0,
    ) -> None:
        self.trunk = trunk
        self.source = source
        self.caller = caller
        self.called = called
        self.to_user = to_user
        self.to_ext = to_ext
        self.at = at
