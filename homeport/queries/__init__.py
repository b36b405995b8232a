"""Questions about running machines, read from all of them at once; nothing is changed.

A kind of reading is a module of this package with a function `read(target)`. `python -m homeport.queries` runs it in
a process of its own, because pyinfra patches the interpreter.
"""
