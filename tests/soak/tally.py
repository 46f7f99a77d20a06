# SPDX-License-Identifier: Apache-2.0
"""Tally: what one part of the soak counted, and what it found wrong."""

MAX_FINDINGS = 10


class Tally:
    def __init__(self, name):
        self.name = name
        self.sent = 0  # requests that must be answered
        self.right = 0  # answered, with every bit as expected
        self.troubles = 0  # of those that make trouble: what was done to the server
        self.findings = []  # the first few
        self.wrongs = 0

    def wrong(self, message):
        self.wrongs += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(message)

    def close(self):
        """Once, when the part has got all its answers: whatever was sent and is neither right nor wrong is lost."""
        lost = self.sent - self.right - self.wrongs
        if lost > 0:
            self.wrong(f"{lost} of {self.sent} requests have no answer")

    def line(self):
        words = []
        if self.sent:
            words.append(f"{self.sent} sent, {self.right} answered right, {self.wrongs} wrong or lost")
        if self.troubles:
            words.append(f"{self.troubles} times trouble")
        return "; ".join(words) or "nothing done"
