"""What the lab says when it cannot go on: one line, and what to do about it."""


class LabError(Exception):
    """A fault that the user can understand: `message`, and a `hint` that may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint
