"""The soak: a machine under load, one random fault after another, and a checker of all that its clients have seen.

`faults.py` says what each kind of fault may cost, `checker.py` whether it cost no more. Both are pure; what touches a
machine is in `stage.py`, `breaking.py` and `releasing.py`.
"""
