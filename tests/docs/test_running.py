"""What runs the documentation: it fails where a page is wrong, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.pages import Block, entries, missing
from tests.docs.shell import PageError, Shell
from tests.lab.project import REPOSITORY

PAGE = """# Page

## First

Do this:

```sh
echo one \\
  two
false   # status 1: nothing there
for n in a b; do
  echo "$n"
done
```

```text
one … two
b
```

## Second

<!-- not run: it needs the moon -->
```sh
launch
```

1. an item

   ```sh
   cat <<END
   within
   END
   ```

```python
print("for the reader")
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return page


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, {"PATH": os.environ["PATH"]}, tmp_path / "state")


def test_a_page_is_read_as_entries_with_their_commands(page: Path) -> None:
    before, first, second = entries(page)
    assert (before.blocks, first.title, second.title) == ([], "First", "Second")
    [block] = first.blocks
    assert [(one.line, one.status) for one in block.commands()] == [(8, 0), (10, 1), (11, 0)]
    assert block.output == "one … two\nb"
    assert [one.not_run for one in second.blocks] == ["it needs the moon", ""]
    assert second.blocks[1].text == "cat <<END\nwithin\nEND"


def test_a_page_that_is_right_runs(page: Path, shell: Shell) -> None:
    _, first, second = entries(page)
    assert "one two" in shell.run(first.blocks[0], "page.md")
    assert "within" in shell.run(second.blocks[1], "page.md")


@pytest.mark.parametrize(
    ("text", "output", "complaint"),
    [
        ("true\nno-such-command --at all\ntrue", "", "page.md:6: status 127 where the page says 0"),
        ("grep -q nothing /dev/null", "", "status 1 where the page says 0"),
        ("true   # status 3", "", "status 0 where the page says 3"),
        ("cat /no/such/file | cat", "", "status 1 where the page says 0"),
        ('echo "$NOT_SET"', "", "NOT_SET"),
        ("exit 5", "", "the block failed"),
        ("echo one", "two", "did not print: two"),
        ("echo one; echo two", "two\none", "did not print: one"),
    ],
)
def test_a_broken_command_or_a_wrong_promise_fails(shell: Shell, text: str, output: str, complaint: str) -> None:
    with pytest.raises(PageError, match=r"(?s).*" + complaint.replace(".", r"\.")):
        shell.run(Block(text, 5, output), "page.md")


def test_commands_after_a_broken_one_are_not_run(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(PageError):
        shell.run(Block(f"false\ntouch {tmp_path}/after", 1), "page.md")
    assert not (tmp_path / "after").exists()


def test_variables_and_the_folder_of_a_block_last_to_the_next_one(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    shell.run(Block("NAME='a b'\ncd below", 1), "page.md")
    assert shell.run(Block('echo "$NAME in $PWD"', 1, f"a b in {tmp_path}/below"), "page.md")


def test_a_block_that_no_shell_understands_is_said_so() -> None:
    with pytest.raises(SyntaxError, match="line 7"):
        list(Block("echo 'never closed", 7).commands())


def test_output_is_compared_with_room_for_what_varies() -> None:
    printed = "web1: notes\n  blue   live  2 workers\ndone"
    assert missing("web1: …\nblue live … workers\n…\ndone", printed) == ""
    assert missing("done\nweb1", printed) == "web1"


@pytest.mark.parametrize("path", ["README.md", "docs/runbook.md", "docs/getting-started.md"])
def test_one_broken_command_fails_the_page_that_has_it(path: str, shell: Shell) -> None:
    page = REPOSITORY / path
    block = next(one for entry in entries(page) for one in entry.blocks if "homeport " in one.text and not one.not_run)
    broken = Block("TARGET=x\ncd() { :; }\n" + block.text.replace("homeport ", "homeprot ", 1), block.line)
    with pytest.raises(PageError, match="homeprot: command not found"):
        shell.run(broken, page.name)
