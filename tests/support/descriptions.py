"""Session descriptions held against each other."""

from callrouter.sip.sdp import MediaDescription, SessionDescription


def same_media(first: SessionDescription, second: SessionDescription) -> bool:
    """Whether both mean the same streams: address, port, codecs, direction, attributes."""
    return (
        len(first.media) == len(second.media)
        and sorted(first.attributes) == sorted(second.attributes)
        and all(_same(ours, theirs) for ours, theirs in zip(first.media, second.media, strict=True))
    )


def _same(one: MediaDescription, other: MediaDescription) -> bool:
    """Whether they mean the same stream; two that are refused are the same."""
    if (one.kind, one.port) != (other.kind, other.port):
        return False
    return not one.port or (
        (one.host, one.proto, one.direction, one.formats)
        == (other.host, other.proto, other.direction, other.formats)
        and sorted(one.attributes) == sorted(other.attributes)
    )
