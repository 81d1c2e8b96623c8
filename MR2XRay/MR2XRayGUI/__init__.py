"""The module's panel: what knows Qt."""
