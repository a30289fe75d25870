"""Every check that can be made before the first connection."""
