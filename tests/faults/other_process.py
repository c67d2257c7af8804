"""A Python process that may crash, hang or run out of memory, and that is talked to through a pipe."""

import os
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

HANG = 120  # seconds: a guard, many times what any answer takes


class OtherProcess:
    """`script`, run with its end of the pipe (a number) and `arguments`; started again when it ended."""

    def __init__(self, script: Path, *arguments: object, **variables: str) -> None:
        self.script, self.arguments = script, [str(argument) for argument in arguments]
        self.variables = {**os.environ, "PYTHONPATH": str(script.parent), **variables}
        self.process = None

    def start(self):
        """Start it; what it says first."""
        self.pipe, theirs = Pipe()
        number = theirs.fileno()
        command = [sys.executable, str(self.script), str(number), *self.arguments]
        self.process = subprocess.Popen(command, pass_fds=[number], env=self.variables)
        theirs.close()
        return self.receive()

    def receive(self):
        """What it says, or ("wrong", why it says nothing)."""
        if not self.pipe.poll(HANG):
            self.process.kill()
            return "wrong", f"no answer within {HANG} s"
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return "wrong", f"the interpreter ended with {self.process.wait()}"

    def ask(self, *question):
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.pipe.send(question)
        return self.receive()

    def stop(self):
        if self.process is not None:
            self.pipe.close()
            self.process.wait(HANG)
