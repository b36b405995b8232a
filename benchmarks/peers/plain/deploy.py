"""The plan as pyinfra's documentation would have it: one operation for everything that shall be there."""

import json
from pathlib import Path

from pyinfra import config
from pyinfra.operations import apt, files, server, systemd

config.SUDO = True
plan = json.loads(Path("plan.json").read_text())
account = plan["account"]

apt.packages(name="Install packages", packages=plan["packages"])
server.group(name="Make the application's group", group=account["name"], system=True)
server.user(
    name="Make the application's user",
    user=account["name"],
    group=account["name"],
    home=account["home"],
    shell=account["shell"],
    comment=account["comment"],
    system=True,
    ensure_home=False,
)
for folder in plan["directories"]:
    files.directory(
        name=f"Make {folder['path']}",
        path=folder["path"],
        mode=folder["mode"].lstrip("0"),
        user=folder["owner"],
        group=folder["group"],
    )
for file in plan["files"]:
    files.put(
        name=f"Write {file['path']}",
        src=file["source"],
        dest=file["path"],
        mode=file["mode"].lstrip("0"),
        user=file["owner"],
        group=file["group"],
    )
for link in plan["links"]:
    files.link(name=f"Link {link['path']}", path=link["path"], target=link["target"])
for path in plan["absent"]:
    files.file(name=f"Remove {path}", path=path, present=False)
for unit in plan["units"]:
    systemd.service(name=f"Start {unit}", service=unit, running=True, enabled=True)
