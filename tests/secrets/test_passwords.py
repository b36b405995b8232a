from __future__ import annotations

import bcrypt
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from homeport.secrets.passwords import LONGEST, SHORTEST, hashed, password_problem

PASSWORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=SHORTEST, max_size=LONGEST)


@hypothesis_settings(max_examples=50)
@given(PASSWORDS)
def test_a_password_is_checked_by_its_hash_and_another_one_is_not(password: str) -> None:
    assert password_problem(password) == ""
    found = hashed(password, "notes", "guest").encode()
    assert bcrypt.checkpw(password.encode(), found)
    assert not bcrypt.checkpw(f"{password[:-1]}{'x' if password[-1] != 'x' else 'y'}".encode(), found)


def test_a_hash_is_the_same_each_time_and_differs_from_site_to_site_and_user_to_user() -> None:
    names = [("notes", "guest"), ("notes", "boss"), ("blog", "guest")]
    assert len({hashed("let me in, please", *one) for one in names}) == len(names)
    assert hashed("let me in, please", *names[0]) == hashed("let me in, please", *names[0])
