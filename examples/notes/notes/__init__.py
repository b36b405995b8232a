"""The notes application's parts; `main.py` beside this package puts them together."""
