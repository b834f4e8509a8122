"""The compiled dialplan: trunks, numbers, their rules and schedules."""
