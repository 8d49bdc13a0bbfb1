"""The command `tutor`: the answer on stdout, everything else on stderr."""

from tutor.cli.main import main

__all__ = ["main"]
