"""The files of an application with two migrations."""

FILES = {
    "main.py": "app = 1\n",
    "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\n",
    "migrations/env.py": "raise RuntimeError('nobody imports this')\n",
    "migrations/versions/__init__.py": "",
    "migrations/versions/0002_b.py": '"""Second."""\nrevision = "0002"\n',
    "migrations/versions/0001_a.py": '"""First."""\nrevision = "0001"\n',
    "migrations/versions/README": "no migration",
}
