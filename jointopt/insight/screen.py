"""Where something that changes is shown: a terminal, a notebook, or nowhere."""

from __future__ import annotations

from io import StringIO
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Self, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Screen"]

PER_SECOND = 4
NOTEBOOK_PAUSE_SECONDS = 0.5
NOTEBOOK_COLUMNS = 88


class Screen:
    """Draws one thing again and again while it is entered.

    A terminal is left as it was; a notebook keeps the last picture; elsewhere nothing is drawn.

    Parameters
    ----------
    console : Console
        Where to draw.
    shown : rich renderable
        Drawn in a thread of its own, so it must bear being changed meanwhile.
    """

    def __init__(self, console: Console, shown: RenderableType) -> None:
        self._console = console
        self._drawing: _Notebook | Live | None = None
        self._seconds = 1 / PER_SECOND
        # Rich moves the cursor by the height it drew last: a line printed while another thread
        # draws a lower picture would be erased.
        self._lock = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._draw, daemon=True)
        if console.is_jupyter:
            self._drawing = _Notebook(shown)
            self._seconds = NOTEBOOK_PAUSE_SECONDS
        elif console.is_terminal and not console.is_dumb_terminal:
            self._drawing = Live(
                shown,
                console=console,
                auto_refresh=False,
                transient=True,
                vertical_overflow="crop",
            )

    @property
    def is_live(self) -> bool:
        """Whether anything is drawn."""
        return self._drawing is not None

    def line(self, words: str) -> None:
        """Print a line that stays, above what is drawn."""
        with self._lock:
            self._console.print(Text(words), highlight=False, soft_wrap=not self.is_live)

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._drawing is not None:
            self._drawing.start()
            self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        if self._drawing is not None:
            self._ended.set()
            self._thread.join()
            self._drawing.stop()

    def _draw(self) -> None:
        drawing = self._drawing
        while drawing is not None and not self._ended.wait(self._seconds):
            with self._lock:
                drawing.refresh()


class _Notebook:
    """One output of a cell, replaced by its next state."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown
        self._handle: Any = None

    def start(self) -> None:
        from IPython.display import display

        show = cast("Any", display)
        self._handle = show(self._picture(), raw=True, display_id=True)

    def refresh(self) -> None:
        self._handle.update(self._picture(), raw=True)

    def stop(self) -> None:
        self.refresh()

    def _picture(self) -> dict[str, str]:
        """Return the state as HTML, and as text for where there is no browser."""
        console = Console(
            file=StringIO(),
            record=True,
            width=NOTEBOOK_COLUMNS,
            color_system="truecolor",
            force_jupyter=False,
            force_terminal=True,
            legacy_windows=False,
        )
        console.print(self._shown)
        frame = '<pre style="line-height: 1.3; margin: 0">{code}</pre>'
        page = console.export_html(code_format=frame, inline_styles=True, clear=False)
        return {"text/html": page, "text/plain": console.export_text()}
