"""The format of API keys."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from app.domain import keys

FORM = re.compile(r"ck_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}")
KEY = keys.generate()
LETTERS = string.printable + "\u0130\u0663\u00e9\x00"


def test_a_key_has_a_public_start_a_secret_and_a_checksum():
    assert FORM.fullmatch(KEY.clear_text)
    assert KEY.prefix == KEY.clear_text[:16]
    assert keys.prefix_of(KEY.clear_text) == KEY.prefix


def test_the_secret_holds_256_bits():
    assert len(keys.ALPHABET) ** keys.SECRET_LENGTH >= 2**256


def test_no_two_keys_are_alike():
    made = [keys.generate() for _ in range(200)]

    assert len({key.prefix for key in made}) == 200
    assert len({key.clear_text[17:-6] for key in made}) == 200


def test_the_clear_text_is_not_in_the_repr():
    assert KEY.clear_text[17:] not in repr(KEY)


@given(position=st.integers(min_value=0, max_value=len(KEY.clear_text) - 1), replacement=st.sampled_from(LETTERS))
def test_one_wrong_character_is_noticed(position, replacement):
    text = KEY.clear_text[:position] + replacement + KEY.clear_text[position + 1 :]

    assert (keys.prefix_of(text) is None) == (text != KEY.clear_text)


@given(first=st.integers(min_value=17, max_value=64), second=st.integers(min_value=17, max_value=64))
def test_two_swapped_characters_are_noticed(first, second):
    letters = list(KEY.clear_text)
    letters[first], letters[second] = letters[second], letters[first]
    text = "".join(letters)

    assert (keys.prefix_of(text) is None) == (text != KEY.clear_text)


@given(st.text(LETTERS))
def test_any_other_text_is_no_key(text):
    assert keys.prefix_of(text) is None


@given(before=st.text(LETTERS, max_size=2), after=st.text(LETTERS, max_size=2))
def test_a_key_has_nothing_around_it(before, after):
    if before or after:
        assert keys.prefix_of(before + KEY.clear_text + after) is None
