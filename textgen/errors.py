"""Every error a user can see, and the exit status each one ends the program with.

Knows what went wrong in words; knows nothing of the modules that raise it or of the terminal
that shows it. A message is one line: what was wrong, where, and what to do. `known` of each class
lists what its messages say, why, and how to mend it; docs/errors.md is made from it.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Known:
    """An error that is known: words of its message, its cause, its cure."""

    says: str
    cause: str
    cure: str


def option_name(setting: str) -> str:
    """A setting's name as the command line spells it, without the dashes.

    Example:
        >>> option_name("learning_rate"), option_name("sample_temperatures")
        ('learning-rate', 'sample-temperature')
    """
    # Given once for each of several.
    return {"sample_temperatures": "sample-temperature"}.get(setting, setting.replace("_", "-"))


def first_line(error: object) -> str:
    """What an error says, as far as it fits into a line of ours."""
    return (str(error).splitlines() or [""])[0]


class TextgenError(Exception):
    """The root of the tree: a failure whose message is meant for the user as it stands."""

    exit_status = 1
    known: ClassVar[tuple[Known, ...]] = ()


class UsageError(TextgenError):
    """A command or call that asks for what cannot be."""

    exit_status = 2

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "is prepared already",
            "A prepared corpus was named together with another way of reading text.",
            "Leave out the options of reading, or prepare the text anew with them.",
        ),
        Known(
            "is a prepared corpus; name it alone",
            "A prepared corpus was named beside texts or another one.",
            "Name it alone, or prepare all texts together.",
        ),
        Known(
            "a training is resumed as it was begun",
            "--resume without a corpus was given an option that only a corpus can answer.",
            "Leave the option out, or name the corpus as well.",
        ),
        Known(
            "standard input is closed",
            "`-` was named and the program was started without a standard input.",
            "Send it a file or a pipe.",
        ),
        Known(
            "is named twice and can be read once",
            "Standard input or another pipe is named more than once.",
            "Name it once.",
        ),
        Known(
            "texts are named in a list",
            "Python code gave one name where a list of names is wanted.",
            "Put it in brackets.",
        ),
        Known(
            "which textgen does not train on",
            "KERAS_BACKEND names something else than tensorflow, jax or torch.",
            "Set it to one of them, or give --backend.",
        ),
        Known(
            "in this process already and cannot change to",
            "Python code imported Keras, with another backend, before it called textgen.",
            "Set KERAS_BACKEND before anything imports Keras.",
        ),
        Known(
            "in this process already; ask for the CPU before anything imports Keras",
            "Python code imported Keras on JAX or PyTorch, on a GPU, before it called textgen with "
            "device `cpu`.",
            "Hide the GPU before anything imports Keras, by CUDA_VISIBLE_DEVICES=-1 for example.",
        ),
        Known(
            "--coordinator ray wants --processes",
            "Ray was to start the processes, and was not told how many.",
            "Give --processes.",
        ),
        Known(
            "several processes train on JAX",
            "--coordinator was given together with another backend.",
            "Give --backend jax, or leave --backend out and KERAS_BACKEND unset.",
        ),
        Known(
            "several processes train on a prepared corpus",
            "--coordinator was given with texts, standard input or no corpus.",
            "Prepare the text, have the prepared corpus on every host, and name it alone.",
        ),
        Known(
            "as --coordinator auto has it",
            "--coordinator auto was given to a process that no launcher started.",
            "Give --coordinator HOST:PORT, --processes and --process.",
        ),
        Known(
            "and each must have as many",
            "The hosts of a training show their processes different numbers of GPUs.",
            "Let each see as many, with CUDA_VISIBLE_DEVICES.",
        ),
        Known(
            "than process 0; give all of",
            "The processes of a training were given different settings or corpora.",
            "Give all of them the same command apart from --process, and the same files.",
        ),
    )


class NewerVersionError(TextgenError):
    """A file of a newer version of textgen, with something that this version does not know."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "install keras-textgen>=",
            "A newer version of textgen wrote a setting that this one does not know but needs.",
            "Install that version, or a newer one.",
        ),
    )


class SettingsError(UsageError):
    """An option or setting with a value that cannot be used.

    Attributes:
        option: The setting's name as Python spells it (`learning_rate`); the shell spells it
            `--learning-rate`.
        problem: What is wrong with it, to be read after the name.

    Example:
        >>> str(SettingsError("step", "must be 1 or more, not 0"))
        'step must be 1 or more, not 0'
    """

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "must",
            "A setting has a value out of its bounds, or of another kind than it takes.",
            "Give one as the message says; `--help` lists defaults.",
        ),
        Known(
            "must not be 0 (one-hot input)",
            "One-hot input of so many distinct characters takes too much memory.",
            "Give an --embedding, 64 say.",
        ),
        Known(
            "is missing or unknown",
            "A settings file lacks a setting that every version writes, or has one that neither "
            "this version nor an older one has.",
            "Train or prepare again, or fetch the file again.",
        ),
        Known(
            "exclude each other",
            "Two settings were given of which one replaces the other.",
            "Give one of them.",
        ),
        Known(
            "is not a setting of textgen",
            "Python code named a setting that does not exist.",
            "Look at textgen/settings/ for the names.",
        ),
        Known(
            "needs targets sequence, not last",
            "Carried state was asked for with one target for each window.",
            "Leave out --carry-state, or give --targets sequence.",
        ),
        Known(
            "can never",
            "An end of the text was asked for that the vocabulary cannot write.",
            "Give another end, or a --length.",
        ),
        Known(
            "takes a number",
            "Interactive mode was told a setting without a number.",
            "Type it as /help shows.",
        ),
    )

    def __init__(self, option: str, problem: str):
        super().__init__(option, problem)  # pickle and copy call the class with these
        self.option = option
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.option} {self.problem}"


class CorpusError(TextgenError):
    """A corpus that is missing, empty, not text in the given encoding, or too short."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "the corpus is empty",
            "No character is left of all files.",
            "Name a file with text in it.",
        ),
        Known(
            "no file in this directory matches",
            "A directory holds no file of the --glob patterns.",
            "Name another directory, or other patterns.",
        ),
        Known(
            "the demo corpus",
            "This Python was installed without its documentation.",
            "Name a text file instead of --demo.",
        ),
        Known(
            "damaged compressed file",
            "A gzip, bzip2 or xz file is truncated or damaged.",
            "Fetch or compress it again.",
        ),
        Known(
            "the name of a text is empty",
            "An argument is empty, such as a shell's variable that was not set.",
            "Name a file or a directory; `.` is the one you are in.",
        ),
        Known(
            "not a text; name a file",
            "A model directory or a prepared corpus was named where texts are read.",
            "Name the text, and a model with --model; only `train` and `novelty` take such.",
        ),
        Known(
            "permission denied",
            "The user may not read the file.",
            "Change its permissions, or name another file.",
        ),
        Known(
            "{reason}",
            "The operating system cannot open or read a file, as its own words say.",
            "Mend the name, the permissions or the disk.",
        ),
        Known(
            "{undecodable}",
            "A byte is not text in the given encoding. The message names the file, the offset and "
            "the encoding that fits best.",
            "Give --encoding auto, which detects the encoding of each file; mend a damaged file, "
            "or give --decoding-errors replace or skip.",
        ),
        Known(
            "no encoding fits",
            "With --encoding auto, a file is in no encoding that text is in.",
            "Leave it out, or name its encoding with --encoding.",
        ),
        Known(
            "is NUL, which no text has",
            "A file is binary, or in an encoding of two bytes or more, such as UTF-16.",
            "Leave it out, or name its encoding with --encoding.",
        ),
        Known(
            "characters without a break",
            "A text cannot be cut where normalization or lower case allow it.",
            "Leave out --normalize and --lowercase.",
        ),
        Known(
            "is half of a surrogate pair",
            "A file in an encoding such as utf-7 has a code point that is not a character.",
            "Mend the file, or give --decoding-errors replace or skip.",
        ),
        Known(
            "no character occurs",
            "--min-count is higher than every character's count.",
            "Give a smaller --min-count.",
        ),
        Known(
            "the corpus has one distinct character",
            "There is nothing to predict in a text of one character.",
            "Give a text with other characters.",
        ),
        Known(
            "the text is too short",
            "Training and validation part do not each have a window and the character after it, or "
            "the training part is too short for a batch.",
            "Give a text of the length that the message states, or one of the options it lists.",
        ),
        Known(
            "windows are too few for",
            "The text has fewer windows than there are devices to share a batch.",
            "Give a longer text, a smaller --step, or fewer processes.",
        ),
        Known(
            "two known ones are needed",
            "A text to evaluate has fewer than two characters that the model knows.",
            "Give a longer text, or one in the model's script.",
        ),
        Known(
            "of the shortest n-gram",
            "The text that a model was trained on is too short to find copies in.",
            "Train with a longer text.",
        ),
        Known(
            "has characters that the model does not know",
            "Copies were to be found in another text than the model was trained on.",
            "Name the text that it was trained on.",
        ),
        Known(
            "and the text that the model was",
            "The text is longer or shorter than the one that the model was trained on.",
            "Name just the files that it was trained on, as they were then.",
        ),
    )


class PreparedError(TextgenError):
    """A prepared corpus that is missing, of another version, truncated or edited."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "install keras-textgen>=",
            "A newer version of textgen wrote it, with a setting that this one does not know.",
            "Install that version, or a newer one.",
        ),
        Known(
            "damaged prepared corpus",
            "A file of it is missing, cut off, edited or lies about its size.",
            "Make it anew with `textgen prepare`.",
        ),
        Known(
            "make it anew",
            "A file or the manifest does not agree with the rest, or another version wrote it.",
            "Make it anew with `textgen prepare`.",
        ),
    )


class ModelError(TextgenError):
    """A model directory that is missing, incomplete, damaged or of another version."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "install keras-textgen>=",
            "A newer version of textgen wrote it, with a setting that this one does not know.",
            "Install that version, or a newer one.",
        ),
        Known(
            "no trained model yet",
            "A training in that directory has begun and not validated so far.",
            "Wait for its first validation.",
        ),
        Known(
            "no trained model in this directory",
            "The directory holds something else.",
            "Name the model directory with --model.",
        ),
        Known(
            "no such model directory",
            "Nothing was trained there.",
            "Train with `textgen train`, or name another one with --model.",
        ),
        Known(
            "damaged",
            "A file of it is missing, cut off or edited.",
            "Train it again, or fetch it again.",
        ),
        Known(
            "not a model that textgen wrote",
            "model.keras is no archive, or one of something else.",
            "Use a model directory that textgen made.",
        ),
        Known(
            "has not the size of weights that settings.json says",
            "model.keras holds more or less than the network of the settings.",
            "Use a model directory that textgen made.",
        ),
        Known(
            "does not hold the text that the model was trained on",
            "The model directory's cache was deleted, damaged or made for another training, or the "
            "model was trained from a prepared corpus.",
            "Name the text, as in textgen novelty corpus.txt.",
        ),
        Known(
            "take too much memory with this model",
            "A model would keep a state for each of very many characters of a window.",
            "Give --context carry, or use another model.",
        ),
        Known(
            "weights that are not numbers",
            "A weight is infinite or not a number.",
            "Train it again.",
        ),
        Known(
            "is not a plain array",
            "An array of model.keras is compressed, elsewhere or virtual.",
            "Use a model directory that textgen made.",
        ),
        Known(
            "and settings.json says",
            "An array of model.keras has another shape or type.",
            "Use a model directory that textgen made.",
        ),
        Known(
            "has no",
            "An array is missing from model.keras, or is a link.",
            "Use a model directory that textgen made.",
        ),
        Known(
            "train it again",
            "A file or the manifest does not agree with the rest, or another version wrote it.",
            "Train it again, or fetch it again.",
        ),
        Known(
            "not a checkpoint that textgen wrote",
            "The checkpoint is damaged or something else.",
            "Begin anew with --force.",
        ),
        Known(
            "the checkpoint is not of such a training",
            "The checkpoint lacks something, or is of another network.",
            "Begin anew with --force.",
        ),
        Known(
            "is not the text that the training was begun with",
            "The prepared corpus of an unfinished training was changed or replaced.",
            "Name the text that it was begun with, or begin anew with --force.",
        ),
        Known(
            "its training is finished",
            "--resume was asked of a training that came to its end.",
            "Go on from its model with --init-from.",
        ),
        Known(
            "no training to resume",
            "--resume was asked where no training has begun.",
            "Name the model directory with --model.",
        ),
    )


class SeedError(TextgenError):
    """A seed text that the model cannot start from."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "is not UTF-8",
            "Seeds are read as UTF-8, and a byte is not.",
            "Convert the text first.",
        ),
        Known(
            "has no seed",
            "The file of seeds is empty, or every line of it is.",
            "Write one on each line.",
        ),
        Known(
            "in the model's vocabulary; leave it out",
            "The seed has a character that the model never saw.",
            "Leave it out, or give --unknown skip.",
        ),
        Known(
            "the seed has no character of",
            "All characters of the seed are unknown to the model.",
            "Give another seed.",
        ),
        Known(
            "the seeds have no character of",
            "All characters of all seeds are unknown to the model.",
            "Give other seeds.",
        ),
        Known(
            "the seed is empty",
            "An empty seed was given.",
            "Give at least one character, or no seed.",
        ),
        Known(
            "the model has no seeds of its own",
            "seeds.json is empty.",
            "Give a seed.",
        ),
        Known(
            "nothing was written yet",
            "/again was typed before anything else.",
            "Type a line first.",
        ),
        Known(
            "log-probabilities need two or more",
            "Nothing is predicted in a text of one character.",
            "Give a longer text.",
        ),
        Known(
            "{place}",
            "One of the above, in a line of a file of seeds.",
            "As above.",
        ),
    )


class WorkerError(TextgenError):
    """A process that was to do part of the work and could not."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "no other process can be started",
            "The system has too little memory, or too many processes, for one more.",
            "Give fewer --jobs.",
        ),
        Known(
            "a process that did part of the work was ended",
            "The system killed it because memory ran out, or somebody else did.",
            "Give fewer --jobs, and make sure that they have 100 MB of memory each.",
        ),
    )


class OutputError(TextgenError):
    """A target that exists already, cannot be written, or does not fit on the disk."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "exists and is not a",
            "The place for the result is taken by something that textgen did not make.",
            "Name another directory.",
        ),
        Known(
            "name another directory with --model",
            "The directory holds another kind of result.",
            "Name another directory.",
        ),
        Known(
            "exists; name another directory, or replace it with --force",
            "There is a prepared corpus or an export already.",
            "Name another directory, or replace it with --force.",
        ),
        Known(
            "exists; name another file, or replace it with --force",
            "There is a file of the page's name already.",
            "Name another one with -o, or replace it with --force.",
        ),
        Known(
            "is no file in a directory that exists",
            "A page was to be written to a directory's own name, or into one that does not exist.",
            "Name a file with -o, and make its directory first.",
        ),
        Known(
            "holds a trained model",
            "There is a model already.",
            "Replace it with --force, or name another directory.",
        ),
        Known(
            "holds an unfinished training with another",
            "A training that was interrupted stands there, and it is not this one.",
            "Go on with it by --resume, replace it with --force, or name another directory.",
        ),
        Known(
            "cannot be replaced",
            "The directory is the working directory, or a disk is mounted there.",
            "Name a directory in it.",
        ),
        Known(
            "another training is writing to it",
            "A directory belongs to one training at a time.",
            "Wait for it to end, or name another directory.",
        ),
        Known(
            "cannot be written",
            "The disk is full, a file may not grow, or the directory is read-only.",
            "Make room or mend the permissions, then run the same command again: it goes on.",
        ),
        Known(
            "the logs for TensorBoard cannot be written",
            "The directory of --tensorboard is read-only, no directory, or the disk is full.",
            "Name another directory, or make room.",
        ),
        Known(
            "the one-hot tensors need",
            "The tensors of --one-hot are larger than what is free on the disk.",
            "Give a larger --step, a smaller --maxlen, or leave out --one-hot.",
        ),
        Known(
            "standard output is closed",
            "The program was started without a standard output.",
            "Send it to a file, a pipe or a terminal.",
        ),
    )


class ExportError(TextgenError):
    """A model that cannot be written for other programs, or came out as another one."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "to be written and tried out with",
            "A converter or a runtime is not installed.",
            "Install them with `pip install 'keras-textgen[export]'`, or use another --format.",
        ),
        Known(
            "predicts something else",
            "A converter or a runtime made a mistake.",
            "Try other versions of them, or another --format.",
        ),
    )


class TrainingError(TextgenError):
    """A training that cannot start or go on: no such device, or a loss that is not a number."""

    known: ClassVar[tuple[Known, ...]] = (
        Known(
            "is not installed",
            "A package that the command uses is missing, or the backend that --backend or Keras's "
            "settings file names.",
            "Install it as the message says, or give another --backend.",
        ),
        Known(
            "which cannot train",
            "Keras's settings file names a backend that only predicts.",
            "Give --backend tensorflow.",
        ),
        Known(
            "cannot be imported",
            "Keras or its backend is not installed, or is damaged.",
            "Install it again.",
        ),
        Known(
            "does not work with this version of textgen",
            "A newer Keras, Numba, JAX or PyTorch lacks a part of it that textgen uses, or does "
            "not call what textgen overrides. Training would go wrong silently.",
            "Install the version that the message's command installs.",
        ),
        Known(
            "sees no GPU here",
            "--device gpu was asked for and the backend finds none.",
            "Give --device cpu, or install GPU support and a driver.",
        ),
        Known(
            "training failed on",
            "Memory ran out, or the device was lost.",
            "Give fewer --units or a smaller --batch-size; or run the same command again: it goes "
            "on.",
        ),
        Known(
            "the processes did not find each other",
            "The coordinator does not answer, or a process never started.",
            "Start all of them, with the same --coordinator and --processes and each with a "
            "--process of its own.",
        ),
        Known(
            "process 0 cannot listen at port",
            "Another program listens at the coordinator's port, or it is one for root alone.",
            "Give all processes a --coordinator with another port.",
        ),
        Known(
            "Ray is not installed",
            "--coordinator ray was given and Ray is missing.",
            "Install it as the message says, or start the processes by hand.",
        ),
        Known(
            "no Ray cluster can be reached",
            "--coordinator ray was given on a machine that belongs to no Ray cluster.",
            "Start one by `ray start --head`.",
        ),
        Known(
            "the Ray cluster has no room",
            "There are fewer processors or GPUs in the cluster than processes asked for.",
            "Give fewer --processes.",
        ),
        Known(
            "the process that trained was ended by",
            "The system ended one of several processes, most often for want of memory.",
            "Give a smaller --batch-size; the same command goes on from the last checkpoint.",
        ),
        Known(
            "this host's own name",
            "The name of a host stands for 127.0.0.1 in its own /etc/hosts, and CPUs of several "
            "hosts are to train together.",
            "Let it stand for the host's address in their network.",
        ),
        Known(
            "could not begin and says why",
            "Another process of the training met an error before the first step.",
            "Read its line, mend that, and start all of them again.",
        ),
        Known(
            "another process of the training ended",
            "A process was killed, its host went down, or the network was cut.",
            "Start the same command again on every host: it goes on from the last checkpoint.",
        ),
        Known(
            "--tensorboard needs TensorFlow",
            "Keras runs on another backend and TensorFlow, which writes the logs, is not there.",
            "Install it, or leave --tensorboard out.",
        ),
        Known(
            "is over before the first step",
            "--time is shorter than what it takes to begin and to end.",
            "Give as much as the line says.",
        ),
        Known(
            "training went astray",
            "The loss became infinite or not a number.",
            "Try a smaller --learning-rate or --clip-norm 1; the best model so far is kept.",
        ),
    )
