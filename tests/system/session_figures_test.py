"""Figures of sessions in short runs, held to bounds that a busy machine keeps, too; bench/sessions makes the real ones."""

import unittest

import session_figures
from harness import SCALE, SystemTest


class SessionFigures(SystemTest):
    def test_urgent_messages_overtake_bulk(self):
        """Full lanes: an urgent message does not wait for the thousands of bulk messages that came before it."""
        # A memory that bulk fills again and again: the room that is kept for urgent ones is theirs all the time.
        accepted, _ = session_figures.urgent(self, 80, load=3, engine={"max_unsynced": 100})
        self.assertLessEqual(session_figures.quantile(accepted, 0.5), 60 * SCALE, "three times the link's 20 ms")
        self.assertLessEqual(session_figures.quantile(accepted, 0.9), 100 * SCALE)

    def test_the_rate_is_exact(self):
        shares = session_figures.rate(self, 400, seconds=7, span=5.0)
        self.assertLessEqual(max(shares), 1.02)
        self.assertGreaterEqual(min(shares), 0.9 if SCALE == 1 else 0.5)

    def test_an_automatic_window_is_wide_enough_and_not_much_wider(self):
        window, needed, share = session_figures.automatic_window(self, 1000, seconds=5)
        self.assertGreaterEqual(window, 0.8 * needed)
        self.assertLessEqual(window, 4 * needed * SCALE)
        self.assertGreaterEqual(share, 0.9 if SCALE == 1 else 0.5)

    def test_a_carrier_that_returns_is_used_at_once(self):
        delays, _ = session_figures.recovery(self, 2)
        self.assertLessEqual(max(delays), 1500 * SCALE, "reconnect.max is 500 ms")


if __name__ == "__main__":
    unittest.main()
