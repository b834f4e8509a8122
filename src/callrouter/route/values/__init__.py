"""The input and the output of a decision: facts, snapshot, plan. Values only."""
