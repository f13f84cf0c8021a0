"""The command line: parse, call `container`, print, set the exit status. No decisions.

`launch` handles `run` and plain mode with a parser of its own (`options`), because importing
typer takes longer than starting a guest; `app` is the typer application for everything else.
"""
