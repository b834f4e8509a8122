"""Who calls, and from where: telephone numbers, lists of them, areas."""
