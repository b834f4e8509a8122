"""Operations on a running callrouter, and the reload of its dialplan."""
