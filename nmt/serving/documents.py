"""Whole files of a client, translated."""

import codecs
import re
from pathlib import PurePath

from nmt import files, signatures
from nmt.inference.batching import windows
from nmt.serving.exchange import decoded
from nmt.serving.service import AUTO, Refusal, Service

ENDINGS = (".txt",)
WINDOW = 100  # lines that go to the queue together: others have their turn between


async def translated_document(
    service: Service, filename: str, data: bytes, source: str, target: str
) -> bytes:
    """A file in the target language; Refusal of formats that are not known, and of what is no text.

    source, target: as `Service.translate` takes them.
    """
    if PurePath(filename).suffix.lower() not in ENDINGS:
        raise Refusal(400, f"Invalid request: file format not supported ({', '.join(ENDINGS)})")
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


def _decoded(data, encoding):
    if encoding is None:
        return decoded(data)
    try:
        return codecs.decode(data, encoding)
    except UnicodeDecodeError:
        raise Refusal(400, f"Invalid request: not valid {encoding.upper()}") from None
