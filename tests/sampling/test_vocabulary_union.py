"""One vocabulary for several models, and what each reads for a character that it does not know."""

from textgen.sampling.vocabulary_union import map_known, map_read, unite
from textgen.text.vocabulary import Vocabulary


def test_the_union_has_all_characters_and_one_id_for_unknown_ones_and_ends():
    one = Vocabulary("ac", has_unknown=True, has_document_end=True)
    two = Vocabulary("bc", has_document_end=True)
    union = unite([one, two])
    assert union == Vocabulary("abc", has_unknown=True, has_document_end=True)
    assert map_known(one, union).tolist() == [0, 2, 3, 4]
    assert map_known(two, union).tolist() == [1, 2, 4]


def test_the_unknown_id_is_read_for_what_a_model_does_not_know():
    one = Vocabulary("ac", has_unknown=True, has_document_end=True)
    union = unite([one, Vocabulary("abcd", has_document_end=True)])
    assert map_read(one, union).tolist() == [0, 2, 1, 2, 2, 3]


def test_without_an_unknown_id_the_closest_character_is_read():
    known = Vocabulary("\n Aes")
    characters = "".join(sorted("\n AEaes!éÉſ€"))
    read = map_read(known, Vocabulary(characters))
    pairs = dict(zip(characters, (known.characters[number] for number in read), strict=True))
    assert pairs | dict(zip(known.characters, known.characters, strict=True)) == pairs
    assert {c: pairs[c] for c in "aEéÉſ€!"} == dict(zip("aEéÉſ€!", "Aeees  ", strict=True))


def test_a_model_without_a_space_reads_its_first_character():
    assert map_read(Vocabulary("xy"), Vocabulary("!xy")).tolist() == [0, 0, 1]


def test_subwords_keep_their_ids():
    vocabulary = Vocabulary("abc", merges=(("a", "b"), ("ab", "c")))
    with_unknown = Vocabulary("abc", has_unknown=True, merges=(("a", "b"), ("ab", "c")))
    union = unite([vocabulary, with_unknown])
    assert union == with_unknown
    assert map_known(vocabulary, union).tolist() == [0, 1, 2, 3, 4]
    assert map_read(vocabulary, union).tolist() == [0, 1, 2, 3, 4, 0]
