"""Starts a thread beneath threading."""

import _thread

if __name__ == "__main__":
    _thread.start_new_thread(print, ("begun",))
