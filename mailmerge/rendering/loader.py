"""The name of a template -> its text, from a file of the campaign folder."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jinja2
from jinja2.loaders import split_template_path

from mailmerge.content_files import ContentFiles
from mailmerge.rendering.file_kinds import NotATemplate, kind_of

_NO_TEMPLATE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}
)


class FolderLoader(jinja2.BaseLoader):
    """Loads templates as `jinja2.FileSystemLoader` does, by the rule of paths.py.

    A file that is never part of a message is an error (`RefusedPath`) and not a missing template:
    `{% include name ignore missing %}` must not hide it.
    """

    def __init__(self, files: ContentFiles | Path) -> None:
        self._files = ContentFiles(files) if isinstance(files, Path) else files

    def get_source(
        self,
        environment: jinja2.Environment,  # noqa: ARG002 (the interface of Jinja2)
        template: str,
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """The text of a template, its name for tracebacks, and None: it is never loaded again.

        Raises:
            TemplateNotFound: there is no such file, or the name leads out of the folder.
            RefusedPath: the file is never part of a message, or a link to a file outside.
            OSError: it cannot be read.
            NotATemplate: it is a document of a word processor, an image or the like.
            UnicodeDecodeError: it is not UTF-8.
        """
        path = "/".join(split_template_path(template))
        if not path:
            raise jinja2.TemplateNotFound(template)
        try:
            content = self._files.read(path)
        except ValueError as error:
            raise jinja2.TemplateNotFound(template) from error
        except OSError as error:
            if error.errno in _NO_TEMPLATE:
                raise jinja2.TemplateNotFound(template) from error
            raise
        kind = kind_of(content)
        if kind is not None:
            raise NotATemplate(kind, path)
        text = content.decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n"), path, None
