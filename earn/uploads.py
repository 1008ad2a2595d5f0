"""Files that staff send, kept as far as one may be long: the rest goes by unkept."""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from earn import csvs


class Bounded(FileUploadHandler):
    """One byte more than is allowed shows that a file is too large.

    That many bytes are kept of all files of a request together, in memory.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.room = csvs.MOST_BYTES + 1

    def new_file(self, *args: Any, **known: Any) -> None:
        super().new_file(*args, **known)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002
        self.room -= self.kept.write(raw_data[: self.room])

    def file_complete(self, file_size: int) -> Any:  # noqa: ARG002
        size = self.kept.tell()
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept,
            self.field_name,
            self.file_name,
            self.content_type,
            size,
            self.charset,
            self.content_type_extra,
        )
