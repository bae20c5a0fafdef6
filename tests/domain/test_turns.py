"""Threads take turns, and nothing hangs on a turn."""

import threading

from app.domain import turns


def in_another_thread(ask):
    """Return what a call gives in a thread of its own."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


def has_turn_at_once():
    """Whether a turn is free; when it is not, this thread goes on without one after a short wait."""
    with turns.taken():
        return turns.has_turn()


def test_a_turn_is_one_thread_s():
    with turns.taken():
        assert turns.has_turn()
        assert not in_another_thread(has_turn_at_once)


def test_who_waits_for_something_lets_another_have_the_turn():
    with turns.taken(), turns.given_up():
        assert in_another_thread(has_turn_at_once)


def test_after_waiting_the_turn_is_taken_again():
    with turns.taken():
        with turns.given_up():
            pass

        assert not in_another_thread(has_turn_at_once)


def test_a_turn_ends_with_its_block():
    with turns.taken():
        pass

    assert in_another_thread(has_turn_at_once)


def test_a_turn_within_a_turn_is_the_same_one():
    with turns.taken():
        with turns.taken():
            pass

        assert turns.has_turn()
    assert in_another_thread(has_turn_at_once)


def test_who_never_took_a_turn_can_give_none_up():
    with turns.taken():
        in_another_thread(give_up)

        assert turns.has_turn()


def give_up():
    with turns.given_up():
        pass
