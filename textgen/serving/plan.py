"""From a request to the texts that are to be generated: pure functions, without any HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from textgen.errors import SeedError, SettingsError
from textgen.sampling import Sampler
from textgen.sampling.characters import find_banned
from textgen.sampling.requests import GenerationConfig
from textgen.sampling.selection import check_filters
from textgen.sampling.texts import TextConfig, resolve_random_seed
from textgen.serving.api_errors import invalid, invalid_prompt, invalid_setting
from textgen.serving.engine import Job
from textgen.serving.requests import CompletionRequest
from textgen.settings import DocumentFilters, SampleConfig, ServeConfig


@dataclass(frozen=True)
class PlannedText:
    """A text to generate.

    Attributes:
        prompt: The text that it follows.
        job: What the engine generates; None for a text that filters may reject, and for one of the
            best of several.
        about: What else a client learns about it, as in `Delta`.
    """

    prompt: str
    job: Job | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RankedTexts:
    """Texts of a prompt of which the most probable ones are wanted.

    Attributes:
        first: The number of the best one among the texts of the plan; the next best ones follow.
        count: How many are wanted.
        jobs: What the engine generates.
    """

    first: int
    count: int
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class FilteredTexts:
    """Documents of which those that pass filters are wanted.

    Attributes:
        prompt: What they begin with.
        count: How many are wanted.
        config: How they are generated.
        filters: What they must pass.
    """

    prompt: str
    count: int
    config: TextConfig
    filters: DocumentFilters


@dataclass(frozen=True)
class Plan:
    """What a request asks for.

    Attributes:
        texts: The texts, those of one prompt together.
        prompt_characters: The characters of all prompts that were sent, each counted once.
        stops: Texts that end a text, and are left out of it.
        echo: Whether a text is returned with its prompt.
        logprobs: How many of the most likely tokens are returned for each token; None for no
            log-probabilities.
        filtered: How the texts are found, if they must pass filters.
        ranked: How they are found, if the most probable ones are wanted.
    """

    texts: tuple[PlannedText, ...]
    prompt_characters: int
    stops: tuple[str, ...] = ()
    echo: bool = False
    logprobs: int | None = None
    filtered: FilteredTexts | None = None
    ranked: tuple[RankedTexts, ...] = ()


@dataclass(frozen=True)
class _Prompt:
    """A prompt: its text, its ids if these were given, and whether textgen chooses it."""

    text: str
    ids: Sequence[int] | None = None
    is_missing: bool = False


def make_plan(request: CompletionRequest, sampler: Sampler, limits: ServeConfig) -> Plan:
    """What a request asks of a model.

    Args:
        request: The request.
        sampler: The model.
        limits: How much a request may ask for.

    Raises:
        ApiError: it asks for more, or for what the model cannot do; the message says which field.
    """
    try:
        return _make_plan(request, sampler, limits)
    except SettingsError as error:
        raise invalid_setting(error) from None
    except SeedError as error:
        raise invalid_prompt(error) from None


def _make_plan(request: CompletionRequest, sampler: Sampler, limits: ServeConfig) -> Plan:
    count, given = request.n or 1, request.prompts()
    best_of = _read_best_of(request)
    if (texts := len(given) * best_of) > limits.max_texts:
        raise invalid(
            f"the request is for {texts:,} texts; at most {limits.max_texts:,} are allowed: ask "
            "for fewer, or send several requests",
            "n" if best_of == count else "best_of",
        )
    random_seed = resolve_random_seed(None) if request.seed is None else request.seed % 2**64
    prompts = [_read_prompt(prompt, sampler, limits) for prompt in given]
    decoding = request.decoding()
    banned = find_banned(sampler.vocabulary.characters, decoding)
    # The model cannot write other ones, so no text contains them.
    known = tuple(
        text
        for text in request.stops
        if (sampler.vocabulary.encode_characters(text) >= 0).all() and not {*text} & {*banned}
    )
    max_length = _max_length(request, sampler, limits)
    stop = sampler.stop_condition(max(max_length, 1), known)
    config = sampler.requests.config(decoding, stop)
    total = sum(len(prompt.text) for prompt in prompts)
    filtered, ranked = None, tuple[RankedTexts, ...]()
    if (filters := _read_filters(request)).active:
        _check_filtered(request, prompts, filters, sampler)
        if best_of > count > 1:
            raise invalid(
                f"best_of with {filters.active[0]} takes n of 1; send a request for each document",
                "best_of",
            )
        how = TextConfig(
            decoding, stop, random_seed, request.label, best_of=best_of if count == 1 else 1
        )
        filtered = FilteredTexts(prompts[0].text, count, how, filters)
        planned = [PlannedText(prompts[0].text)] * count
    else:
        plan_text = _planner(request, sampler, config, random_seed, max_length)
        if best_of > count:
            first_texts = [plan_text(prompt, i * count) for i, prompt in enumerate(prompts)]
            ranked = tuple(
                RankedTexts(i * count, count, _vary(text, best_of))
                for i, text in enumerate(first_texts)
            )
            planned = [replace(text, job=None) for text in first_texts for _ in range(count)]
        else:
            planned = [
                plan_text(prompt, number * count + place)
                for number, prompt in enumerate(prompts)
                for place in range(count)
            ]
    return Plan(
        tuple(planned), total, request.stops, bool(request.echo), request.logprobs, filtered, ranked
    )


def _read_best_of(request: CompletionRequest) -> int:
    """How many texts are generated for each prompt."""
    count = request.n or 1
    best_of = count if request.best_of is None else request.best_of
    if best_of < count:
        raise invalid(f"best_of must be at least n, {count:,}, not {best_of:,}", "best_of")
    if best_of > count and request.stream:
        raise invalid(
            "best_of cannot be combined with stream: which text is the best is known at the end; "
            "leave one of them out",
            "best_of",
        )
    return best_of


def _vary(text: PlannedText, count: int) -> tuple[Job, ...]:
    """A text, and others that differ in their random numbers only, to find the best of them."""
    if text.job is None:
        return ()
    job = replace(text.job, is_rated=True)
    return tuple(replace(job, request=job.request.choice(number)) for number in range(count))


def _planner(
    request: CompletionRequest,
    sampler: Sampler,
    config: GenerationConfig,
    random_seed: int,
    max_length: int,
) -> Callable[[_Prompt, int], PlannedText]:
    """A function that plans the text of a prompt; its number determines its random numbers."""
    builder, labels = sampler.requests.restrict(config.decoding), sampler.labels
    has_scores, alternatives = request.logprobs is not None, request.logprobs or 0

    def plan(prompt: _Prompt, number: int) -> PlannedText:
        about: dict[str, Any] = {}
        if prompt.is_missing:  # then it is what `textgen sample` starts from
            prompt = _Prompt(sampler.draw_seed(random_seed, number))
            about = {"prompt": prompt.text} if prompt.text else {}
        seed = prompt.text if prompt.ids is None else prompt.ids
        scored = builder.prompt(seed, request.label) if request.echo and has_scores else None
        text = builder.text(
            seed, random_seed, number=number, label=request.label, max_length=max_length
        )
        if labels is not None:
            about["labels"] = labels.decode(text.label_ids)
        config.make_controls(text)  # an error here is the request's
        job = Job(text, config, has_scores, alternatives, scored)
        return PlannedText(prompt.text, job, about)

    return plan


def _read_prompt(prompt: str | list[int] | None, sampler: Sampler, limits: ServeConfig) -> _Prompt:
    """A prompt that is not too long."""
    if prompt is None or prompt == "":
        return _Prompt("", is_missing=True)
    if isinstance(prompt, str):
        text, ids = prompt, None
    else:
        text, ids = sampler.vocabulary.decode(prompt), prompt
    if max(len(text), len(ids or ())) > limits.max_prompt:
        raise invalid(
            f"prompt has {len(text):,} characters; at most {limits.max_prompt:,} are allowed",
            "prompt",
        )
    return _Prompt(text, ids)


def _max_length(request: CompletionRequest, sampler: Sampler, limits: ServeConfig) -> int:
    """Characters after the prompt, at most: by default as in `textgen sample`."""
    if request.max_tokens is None:
        default = SampleConfig(until=request.stops).max_length(
            documents=sampler.generates_documents
        )
        return min(default or limits.max_length, limits.max_length)
    if request.max_tokens > limits.max_length:
        raise invalid(
            f"max_tokens must be at most {limits.max_length:,} (characters), not "
            f"{request.max_tokens:,}",
            "max_tokens",
        )
    return request.max_tokens


def _read_filters(request: CompletionRequest) -> DocumentFilters:
    names = ("unique", "novel", "max_copy", "min_length", "max_length", "tries")
    values = {name: getattr(request, name) for name in names}
    return DocumentFilters(**{name: value for name, value in values.items() if value is not None})


def _check_filtered(
    request: CompletionRequest,
    prompts: Sequence[_Prompt],
    filters: DocumentFilters,
    sampler: Sampler,
) -> None:
    """Check that documents can be filtered as the request says.

    Raises:
        ApiError, SettingsError, SeedError: they cannot.
    """
    name = filters.active[0]
    check_filters(filters, documents=sampler.generates_documents, length=request.max_tokens)
    if len(prompts) > 1 or prompts[0].ids is not None:
        raise invalid(f"{name} takes one prompt, a text; send a request for each", name)
    if request.logprobs is not None or request.max_tokens == 0:
        raise invalid(f"{name} cannot be combined with logprobs, or with max_tokens of 0", name)
    if filters.max_length is not None and len(prompts[0].text) > filters.max_length:
        raise invalid("max_length must be at least the length of the prompt", "max_length")
    sampler.check_seed(prompts[0].text)
