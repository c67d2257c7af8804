"""Grading: run a class's notebooks in processes that are not trusted, judge what came back, report.

`submissions` finds the files and `notebook_file` reads them, `isolation` says how a process is started and
`watch` what it may use, `session` drives it cell by cell, `verdicts` judges after it has ended, `grader`
does that for everyone and can be killed and run again.
"""
