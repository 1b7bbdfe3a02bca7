"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell's background job ignores Ctrl-C, and hands that on to what it starts; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
