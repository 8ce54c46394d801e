"""Which tokens a training reads: the user's choice, those of the model to begin with, or a rule."""

from dataclasses import replace

from textgen.errors import UsageError
from textgen.settings.tokens import AUTO, BPE, CHARACTERS
from textgen.text.prepare import Preparation
from textgen.text.prepared import Prepared
from textgen.text.tokens.choice import TokenChoice
from textgen.text.vocabulary import Vocabulary
from textgen.text.workers import processor_count
from textgen.training.automatic import GPU_PACE, cpu_pace
from textgen.training.checkpoint import TrainingIdentity
from textgen.training.initial_model import InitialModel
from textgen.training.job import Job
from textgen.training.selection import Selection

# Who chooses one of these thinks in characters, and gets them.
_OF_CHARACTERS = {"maxlen", "step", "targets", "embedding"}


def choose_tokens(
    job: Job,
    preparation: Preparation,
    selection: Selection,
    initial: InitialModel | None,
    recorded: TrainingIdentity | None,
) -> Preparation:
    """A preparation with the tokens that a training is to read.

    Args:
        job: What the user asks for.
        preparation: How the corpus is prepared.
        selection: The settings that are chosen.
        initial: The model to begin with, whose tokens the corpus is to have.
        recorded: The training to resume, of which another version or machine may have chosen them.

    Raises:
        UsageError: the user chose other tokens than the model to begin with has.
    """
    is_chosen, request = "tokens" in preparation.chosen, preparation.corpus.tokens
    choice = _make_choice(job, selection, request)
    if initial is not None:
        vocabulary = initial.model.record.vocabulary
        if is_chosen and not _includes(request, vocabulary):
            raise _other_tokens(initial)
        choice = replace(choice, merges=vocabulary.merges)
        default = BPE if vocabulary.merges else CHARACTERS
    # With --init-from auto, a training may begin with a starter, which reads characters.
    elif job.init_from is None and _suits_subwords(selection):
        choice, default = replace(choice, is_default=not is_chosen), AUTO
    else:
        default = CHARACTERS
    if recorded is not None and (not is_chosen or _includes(request, recorded.vocabulary)):
        choice = replace(choice, merges=recorded.vocabulary.merges)
    request = request if is_chosen else default
    corpus = replace(preparation.corpus, tokens=request)
    return replace(preparation, corpus=corpus, tokens=replace(choice, request=request))


def offers_subwords(job: Job, selection: Selection, corpus: Prepared) -> bool:
    """Whether to tell a user who has not chosen tokens that subwords may be better here."""
    if corpus.subwords is not None or job.init_from is not None or not _suits_subwords(selection):
        return False
    if "tokens" in job.reading or "tokens" in corpus.chosen:
        return False
    training, _, _ = corpus.ranges(corpus.windows.validation)
    length, distinct = training.stop - training.start, len(corpus.vocabulary.characters)
    return _make_choice(job, selection, AUTO).size(length, distinct) is not None


def check_tokens(prepared: Prepared, initial: InitialModel | None) -> None:
    """Raise `UsageError` where a prepared corpus has other tokens than the model to begin with."""
    if initial is None:
        return
    choice = TokenChoice(merges=initial.model.record.vocabulary.merges)
    if not choice.matches(prepared):
        raise _other_tokens(initial)


def _includes(request: str, vocabulary: Vocabulary) -> bool:
    """Whether a vocabulary is one of those that a user asks for."""
    own = (BPE, f"{BPE}:{len(vocabulary.tokens)}") if vocabulary.merges else (CHARACTERS,)
    return request in (AUTO, *own)


def _other_tokens(initial: InitialModel) -> UsageError:
    """The error where a corpus is to have other tokens than the model to begin with."""
    vocabulary = initial.model.record.vocabulary
    tokens = f"{len(vocabulary.subwords):,} subwords" if vocabulary.merges else "characters"
    return UsageError(
        f"{initial.name}: reads {tokens}, and training that begins with it has to read the same; "
        "leave out --tokens, and name the texts themselves"
    )


def _make_choice(job: Job, selection: Selection, request: str) -> TokenChoice:
    """A choice of tokens for the length of a training and the device."""
    values = selection.values
    epochs, seconds = values.get("epochs") or 0, values.get("time") or 0.0
    return TokenChoice(request, epochs, seconds, _estimate_pace(job))


def _estimate_pace(job: Job) -> float:
    """How many times as fast as two cores the device is, as far as that is known by now."""
    return GPU_PACE if job.device == "gpu" else cpu_pace(processor_count() / 2)


def _suits_subwords(selection: Selection) -> bool:
    """Whether the network is one that the rules for subwords were measured on."""
    settings = selection.resolve()
    return (
        selection.preset is None
        and settings.training.carry_state
        and settings.model.cell == "lstm"
        and not _OF_CHARACTERS & selection.values.keys()
    )
