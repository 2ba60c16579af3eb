"""A process that fails at once, in the place of one that shares a batch."""

raise SystemExit("no room on the card")
