"""`lab`, and `python -m lab`: the command line, which Ctrl-C ends without a traceback from its first moment on."""

import os
import signal


def main() -> None:
    """Answer interrupts at once, then load all the rest, which takes a tenth of a second, and run it."""
    # Not where a shell has them ignored, as it does for what runs in the background.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from lab.cli.main import main as run

    run()


def _leave(number: int, frame: object) -> None:
    # No exception: it would come out of the middle of an import. Nothing was begun that had to be ended.
    os.write(2, b"lab: interrupted before anything was measured\n")
    os._exit(130)


if __name__ == "__main__":
    main()
