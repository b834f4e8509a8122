"""Route decisions: from the facts of a call to its plan, with a verdict for each rule."""
