"""How the command ends on Ctrl-C and on SIGTERM: by one line, with exit code 130 or 143, at any moment.

Where nothing would be lost, as while modules are imported, the process ends in the signal's handler. Where runs are
made, within ``keeping``, the signal raises KeyboardInterrupt, so that what there is can be kept and shown. Only the
command itself, which calls ``begin``, ends so; in a program that imports stepbench, signals are the program's.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be the first thing that start-up waits for
    from typing import Any, NoReturn

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

_begun = False
_signal = signal.SIGINT
"""The one that came."""
_said = False


def begin() -> None:
    """From now on the process ends by a line; to be called before anything large is imported."""
    global _begun
    _begun = True
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in the background of a shell
        signal.signal(signal.SIGINT, _end)
    sys.unraisablehook = _unraisable


class keeping:  # noqa: N801 - it is used as a function
    """A context within which Ctrl-C and SIGTERM raise KeyboardInterrupt, for something is there that must be kept."""

    def __enter__(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        if self._before is _end:
            signal.signal(signal.SIGINT, _end)


def say(more: str = "") -> int:
    """Print the line, unless it was printed, with what is kept and how to go on; returns the exit code."""
    global _said
    if not _said:
        print(f"stepbench: stopped{more}", file=sys.stderr)
    _said = True
    return CODES[_signal]


def finish(code: int) -> NoReturn:
    """End the process, whose work is done; a signal no longer changes how, but does not wait for threads of users."""
    import threading  # not sooner than it is needed

    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    go_on = any(not thread.daemon for thread in others)
    for number in CODES:  # Python's own end takes every other handler away, and the signal would kill the process
        signal.signal(number, (lambda *_: _leave(code)) if go_on else signal.SIG_IGN)
    if code in CODES.values():  # what threads and libraries would do at the end may take seconds
        _leave(code)
    sys.exit(code)


def _end(number: int, frame: Any) -> NoReturn:  # noqa: ARG001 - as signal.signal wants it
    """Say that it was stopped, and end at once."""
    cursor = b"\x1b[?25h" if os.isatty(2) else b""  # a progress bar hides it
    try:  # noqa: SIM105 - contextlib is one import more before the first Ctrl-C can be answered
        os.write(2, cursor + b"stepbench: stopped\n")
    except OSError:  # nobody reads it
        pass
    _leave(CODES[_signal])


def _leave(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105
            stream.flush()
        except Exception:  # it is closed, or the signal came in the middle of a print
            pass
    os._exit(code)


def _terminate(number: int, frame: Any) -> None:
    """Do what Ctrl-C would do now, but for the exit code."""
    global _signal
    _signal = signal.SIGTERM
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(number, frame)
    else:
        _end(number, frame)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """A Ctrl-C that came where Python cannot raise it, as in a destructor, ends the process all the same."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _end(_signal, None)
    sys.__unraisablehook__(unraisable)
