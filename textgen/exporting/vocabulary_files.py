"""How other programs turn text into ids and ids into text: the files of an export that say so.

vocabulary.json has the characters and, for a model of subwords, also `tokens`: the text of each id.
Decoding needs no more. To encode, a model of subwords has tokenizer.json, too: Hugging Face's
`tokenizers`, in any of its languages, reads it and gives the ids that textgen gives.
"""

import json

from textgen import storage
from textgen.text.tokens.words import word_pattern
from textgen.text.vocabulary import UNKNOWN, Vocabulary

VOCABULARY, TOKENIZER = "vocabulary.json", "tokenizer.json"


def vocabulary_files(vocabulary: Vocabulary) -> dict[str, bytes]:
    """The files of an export that describe a vocabulary, by name.

    For a model of characters vocabulary.json is that of its model directory.

    Example:
        >>> list(vocabulary_files(Vocabulary("ab")))
        ['vocabulary.json']
    """
    if not vocabulary.merges:
        return {VOCABULARY: vocabulary.to_bytes()}
    content = json.loads(vocabulary.to_bytes())
    content["tokens"] = list(vocabulary.tokens)
    return {
        VOCABULARY: storage.encode_json(content),
        TOKENIZER: write_tokenizer(vocabulary).encode(),
    }


def write_tokenizer(vocabulary: Vocabulary) -> str:
    """A tokenizer.json that encodes as a vocabulary of subwords does.

    A character that the vocabulary lacks becomes the unknown id, or is left out where there is
    none. The document end has no text, and so is not in it: no text becomes its id, and decoding
    leaves it out.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokens = {token: number for number, token in enumerate(vocabulary.tokens)}
    unknown = None
    if vocabulary.unknown_id is not None:
        # No subword is made of letters and signs.
        unknown = UNKNOWN if UNKNOWN not in tokens else "<unknown>"
        tokens[unknown] = vocabulary.unknown_id
    tokenizer = Tokenizer(models.BPE(tokens, list(vocabulary.merges), unk_token=unknown))
    pattern = Regex(word_pattern(vocabulary.characters))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    tokenizer.decoder = decoders.Fuse()
    return str(tokenizer.to_str(pretty=True))
