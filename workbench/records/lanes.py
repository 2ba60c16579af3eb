"""Which jobs may run side by side."""

from __future__ import annotations

# A lane runs one job at a time. "files" jobs only read and write; "device" jobs hold the accelerator; "aside" is for
# what the window asks by itself and the user must not wait for; "network" jobs wait for a line, and nobody for them.
FILES, DEVICE, ASIDE, NETWORK = "files", "device", "aside", "network"
