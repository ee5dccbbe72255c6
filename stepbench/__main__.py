"""The command ``stepbench``, and ``python -m stepbench``: signals are answered before anything large is imported."""

from stepbench import stopping


def main() -> None:
    """Run the command line as a process."""
    stopping.begin()
    from stepbench import cli

    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        stopping.finish(code)


if __name__ == "__main__":
    main()
