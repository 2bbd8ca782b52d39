"""Whole files of a client, translated."""

import asyncio
import codecs
import concurrent.futures
import re
import threading
from pathlib import Path, PurePath

from nmt import files, signatures
from nmt.documents import formats
from nmt.documents.filling import Choice, check, fill
from nmt.documents.units import Options
from nmt.errors import UserError
from nmt.serving.exchange import decoded
from nmt.serving.service import AUTO, Refusal, Service
from nmt.windows import windows

TEXT = ".txt"
ENDINGS = (TEXT, *formats.FORMATS)
WINDOW = 100  # lines that are translated together: others have their turn between
# Files that are filled at the same time; the other work of the server has threads of its own.
FILES = concurrent.futures.ThreadPoolExecutor(2, "file")


async def translated_document(
    service: Service, filename: str, data: bytes, source: str, target: str
) -> bytes:
    """A file in the target language; Refusal of formats that are not known, and of what is no text.

    source, target: as `Service.translate` takes them.
    """
    ending = PurePath(filename).suffix.lower()
    if ending not in ENDINGS:
        raise Refusal(400, f"Invalid request: file format not supported ({', '.join(ENDINGS)})")
    if ending != TEXT:
        return await _filled(service, filename, data, source, target)
    signatures.refuse_binary(data[: signatures.HEAD], "the file")
    # In the encoding in which it came, with a mark where it had one.
    encoding = next((code for mark, code in files.MARKS.items() if data.startswith(mark)), None)
    text = _decoded(data, encoding)
    if source == AUTO:
        source = service.directions.detected_source(text, target).language
    translations = []
    for window in windows(re.findall(r"[^\n]*\n|[^\n]+", text), WINDOW):
        answers = await service.translate(window, source, target)
        translations += [answer.candidates[0].text for answer in answers]
    return "".join(translations).encode(encoding or "utf-8")


async def _filled(service, filename, data, source, target):
    """A file with its units filled, in a thread beside those of others.

    A client that leaves ends it behind the window of texts that is being translated.
    """
    left = threading.Event()

    def go_on(done: int = 0, of: int = 0) -> None:
        if left.is_set():
            raise concurrent.futures.CancelledError

    def work() -> bytes:
        document = formats.read(Path(filename), data, Options(language=target))
        known = source
        if source == AUTO:
            text = "\n".join(each for unit in document.units for each in unit.sources)
            known = service.directions.detected_source(text, target).language
        direction = service.directions.find(known, target)
        if direction is None:
            raise UserError(f"{known} is not translated into {target}")
        go_on()
        check(document, direction.translator, Choice(), filename)
        (filled,) = fill(direction.translator, [document], Choice(), go_on, WINDOW)
        return filled.data

    try:
        return await asyncio.get_running_loop().run_in_executor(FILES, work)
    except asyncio.CancelledError:
        left.set()
        raise
    except UserError as error:
        raise Refusal(400, f"Invalid request: {error}") from None


def _decoded(data, encoding):
    if encoding is None:
        return decoded(data)
    try:
        return codecs.decode(data, encoding)
    except UnicodeDecodeError:
        raise Refusal(400, f"Invalid request: not valid {encoding.upper()}") from None
