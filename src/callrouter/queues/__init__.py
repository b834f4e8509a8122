"""Call queues: who waits, which agent is offered whom, and how well that goes. Pure."""
