"""Turns that are taken back and brought back."""

from hypothesis import given
from hypothesis import strategies as st

from textgen.cli.interactive.draft import Draft, Turn


@given(st.lists(st.sampled_from(["start", "add", "undo", "redo"]), max_size=40))
def test_a_draft_is_a_list_of_texts_with_a_place_in_it(steps):
    draft, texts, place = Draft(), [""], 0
    for number, step in enumerate(steps):
        if step == "undo":
            assert draft.undo() == (place > 0)
            place = max(0, place - 1)
        elif step == "redo":
            assert draft.redo() == (place < len(texts) - 1)
            place = min(len(texts) - 1, place + 1)
        else:
            before = draft.last if step == "add" else None
            draft.add(Turn(f"{number} ", "x", before))
            texts[place + 1 :] = [(texts[place] if step == "add" else "") + f"{number} x"]
            place += 1
        assert draft.text == texts[place]
